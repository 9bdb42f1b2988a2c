"""Memory on chip, for a machine and for a host."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from ..config.fields import ceil_log2
from ..stream import Pipe
from ..stream.ram import Ram
from .axi import DECERR, OKAY, Axi4
from .words import WordPort

__all__ = ["Pool"]

READ_DELAY = 4
"""Cycles from an address to its word: to the RAMs, in them, and back."""
QUEUE = 12
"""Beats on their way, enough for one per cycle."""


class Pool(wiring.Component):
    """Block RAM as an AXI4 slave, into which a host may look between two beats.

    A word per cycle in each direction, one burst per direction at a time. The host comes first.
    What lies after the end answers ``DECERR``, and nothing is written.

    Parameters
    ----------
    bits, words : int
        Of a word, a multiple of 32; how many, a power of two.
    addr_bits : int
        Of ``axi``.
    target : str
        Whose block RAM.

    Members
    -------
    axi : ``In(Axi4)``
    host : ``In(WordPort(30))``
    """

    def __init__(self, bits: int, words: int, addr_bits: int, *, target: str):
        self._bits, self._words, self._target = bits, words, target
        super().__init__({"axi": In(Axi4(bits, addr_bits)), "host": In(WordPort(30))})

    def elaborate(self, platform):
        m = Module()
        axi, host = self.axi, self.host
        # A RAM for each byte, as each has a strobe. They fill a good part of the device, so the way
        # to each is a cycle of its own, and the way back too.
        strobes = Signal(self._bits // 8)
        write_data, read_data = Signal(self._bits), Signal(self._bits, reset_less=True)
        write_addr, read_addr = Signal(range(self._words)), Signal(range(self._words))
        for n, strobe in enumerate(strobes):
            part = slice(8 * n, 8 * n + 8)
            m.submodules[f"byte_{n}"] = ram = Ram(8, self._words, target=self._target)
            for name, source in (
                ("write_en", strobe),
                ("write_addr", write_addr),
                ("write_data", write_data[part]),
                ("read_addr", read_addr),
            ):
                near = Signal.like(
                    getattr(ram, name), name=f"{name}_{n}", attrs={"own_register": 1}
                )
                m.d.sync += near.eq(source)
                m.d.comb += getattr(ram, name).eq(near)
            m.d.sync += read_data[part].eq(ram.read_data)
        low = ceil_log2(self._bits // 8)
        inside = slice(low, low + ceil_log2(self._words))

        def is_outside(addr):
            return addr[inside.stop :].any() if len(addr) > inside.stop else 0

        # --- Host: looked at a cycle later than it asks ---
        lanes = self._bits // 32
        lane = host.addr[2:low] if lanes > 1 else 0
        asks, host_out = Signal(), Signal()
        m.d.sync += [asks.eq(host.valid & ~host.done), host_out.eq(is_outside(host.addr))]
        host_writes, host_reads = Signal(), Signal()
        waits = Signal(READ_DELAY)
        reading = Signal()
        m.d.comb += [
            host_writes.eq(asks & host.write & ~host_out),
            host_reads.eq(asks & ~host.write & ~reading),
            host.error.eq(host_out),
            host.done.eq(Mux(host.write, asks, waits[-1])),
            host.rdata.eq(read_data.word_select(lane, 32)),
        ]
        m.d.sync += waits.eq(Cat(host_reads, waits[:-1]))
        m.d.sync += reading.eq(asks & ~host.write & ~host.done)

        # --- Write ---
        writing, w_out = Signal(), Signal()
        w_addr = Signal(range(self._words), reset_less=True)
        takes = Signal()
        m.d.comb += [
            axi.awready.eq(~writing & ~axi.bvalid),
            axi.wready.eq(writing & ~asks),
            takes.eq(axi.wvalid & axi.wready),
            write_addr.eq(w_addr),
            write_data.eq(axi.wdata),
            axi.bresp.eq(Mux(w_out, DECERR, OKAY)),
        ]
        with m.If(axi.awvalid & axi.awready):
            m.d.sync += [writing.eq(1), w_addr.eq(axi.awaddr[inside])]
            m.d.sync += w_out.eq(is_outside(axi.awaddr))
        with m.If(takes):
            m.d.comb += strobes.eq(Mux(w_out, 0, axi.wstrb))
            m.d.sync += w_addr.eq(w_addr + 1)
            with m.If(axi.wlast):
                m.d.sync += [writing.eq(0), axi.bvalid.eq(1)]
        with m.If(axi.bvalid & axi.bready):
            m.d.sync += axi.bvalid.eq(0)
        with m.If(host_writes):
            m.d.comb += [
                strobes.eq(0xF << (lane << 2) if lanes > 1 else 0xF),
                write_addr.eq(host.addr[inside]),
                write_data.eq(host.wdata.replicate(lanes)),
            ]

        # --- Read ---
        beat = data.StructLayout({"data": self._bits, "resp": 2, "last": 1})
        m.submodules.beats = beats = Pipe(beat, QUEUE + 1)
        bursting, r_out = Signal(), Signal()
        r_addr, left = Signal(range(self._words), reset_less=True), Signal(8, reset_less=True)
        room = Signal(range(QUEUE + 1), init=QUEUE)
        reads, leaves = Signal(), Signal()
        last = left == 0
        coming = [Signal(3, name=f"coming_{n}") for n in range(READ_DELAY)]
        m.d.comb += [
            axi.arready.eq(~bursting),
            reads.eq(bursting & ~host_reads & (room != 0)),
            read_addr.eq(Mux(host_reads, host.addr[inside], r_addr)),
            beats.i.valid.eq(coming[-1][0]),
            beats.i.payload.last.eq(coming[-1][1]),
            beats.i.payload.resp.eq(Mux(coming[-1][2], DECERR, OKAY)),
            beats.i.payload.data.eq(read_data),
            axi.rvalid.eq(beats.o.valid),
            axi.rdata.eq(beats.o.payload.data),
            axi.rresp.eq(beats.o.payload.resp),
            axi.rlast.eq(beats.o.payload.last),
            beats.o.ready.eq(axi.rready),
            leaves.eq(beats.o.valid & axi.rready),
        ]
        m.d.sync += coming[0].eq(Cat(reads, last, r_out))
        m.d.sync += [now.eq(before) for before, now in zip(coming, coming[1:], strict=False)]
        m.d.sync += room.eq(room + leaves - reads)
        with m.If(reads):
            m.d.sync += [r_addr.eq(r_addr + 1), left.eq(left - 1), bursting.eq(~last)]
        with m.If(axi.arvalid & axi.arready):
            m.d.sync += [bursting.eq(1), r_addr.eq(axi.araddr[inside]), left.eq(axi.arlen)]
            m.d.sync += r_out.eq(is_outside(axi.araddr))
        return m
