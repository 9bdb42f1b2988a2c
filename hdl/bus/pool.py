"""Memory on chip, for a machine and for a host."""

from amaranth.hdl import Cat, ClockSignal, Instance, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config.fields import ceil_log2
from ..stream import Pipe
from ..stream.ram import Ram
from .axi import OKAY, Axi4
from .words import WordPort

__all__ = ["SPRAM_WORDS", "Bank", "Pool", "SpramBank"]

DECERR = 3
READ_DELAY = 2
"""Cycles from an address to its word."""
QUEUE = 8
"""Beats on their way, enough for one per cycle."""
SPRAM_WORDS = 1 << 14
"""Words of 16 bits of an iCE40UP5K's SPRAM; there are four."""


class Bank(wiring.Component):
    """Block RAM with a strobe for each byte: in a cycle a word may be written, another read.

    Parameters
    ----------
    bits, words : int
        Of a word, a multiple of 8; how many, a power of two.
    target : str

    Members
    -------
    write, read : In
        A word is written, if any bit of ``write`` is set: those bytes of it; one is read.
    write_addr, write_data, read_addr : In
    read_data : Out
        Of the address of two cycles before.
    """

    single = False

    def __init__(self, bits: int, words: int, target: str):
        self._bits, self._words, self._target = bits, words, target
        super().__init__(_members(bits, words))

    def elaborate(self, platform):
        m = Module()
        for n in range(self._bits // 8):
            part = slice(8 * n, 8 * n + 8)
            m.submodules[f"byte_{n}"] = ram = Ram(8, self._words, target=self._target)
            m.d.comb += [
                ram.write_en.eq(self.write[n]),
                ram.write_addr.eq(self.write_addr),
                ram.write_data.eq(self.write_data[part]),
                ram.read_addr.eq(self.read_addr),
                self.read_data[part].eq(ram.read_data),
            ]
        return m


class SpramBank(wiring.Component):
    """The four SPRAMs of an iCE40UP5K as 32,768 words of 32 bits.

    Members as of :class:`Bank`, but in a cycle a word is either written or read.
    """

    single = True

    def __init__(self):
        super().__init__(_members(32, 2 * SPRAM_WORDS))

    def elaborate(self, platform):
        m = Module()
        low = ceil_log2(SPRAM_WORDS)
        writes = self.write.any()
        addr = Mux(writes, self.write_addr, self.read_addr)
        upper = Signal()
        words = []
        m.d.sync += upper.eq(addr[low])
        for n in range(2):
            word = Signal(32, name=f"word_{n}")
            words.append(word)
            for half in range(2):
                part = slice(16 * half, 16 * half + 16)
                strobes = self.write[2 * half : 2 * half + 2]
                m.submodules[f"spram_{n}_{half}"] = Instance(
                    "SB_SPRAM256KA",
                    i_CLOCK=ClockSignal(),
                    i_ADDRESS=addr[:low],
                    i_DATAIN=self.write_data[part],
                    i_MASKWREN=Cat(strobes[0].replicate(2), strobes[1].replicate(2)),
                    i_WREN=writes,
                    i_CHIPSELECT=addr[low] == n,
                    i_STANDBY=0,
                    i_SLEEP=0,
                    i_POWEROFF=1,
                    o_DATAOUT=word[part],
                )
        m.d.sync += self.read_data.eq(Mux(upper, words[1], words[0]))
        return m


def _members(bits: int, words: int) -> dict[str, wiring.Member]:
    return {
        "write": In(bits // 8),
        "write_addr": In(range(words)),
        "write_data": In(bits),
        "read": In(1),
        "read_addr": In(range(words)),
        "read_data": Out(bits),
    }


class Pool(wiring.Component):
    """An AXI4 slave with its memory, into which a host may look between two beats.

    A word per cycle in each direction, one burst per direction at a time. The host comes first.
    What lies behind the end answers ``DECERR``, and nothing is written.

    Parameters
    ----------
    bank : Bank or SpramBank
    bits, words : int
        As of ``bank``.
    addr_bits : int
        Of ``axi``.

    Members
    -------
    axi : ``In(Axi4)``
    host : ``In(WordPort(30))``
    """

    def __init__(self, bank: wiring.Component, bits: int, words: int, addr_bits: int):
        self._bank, self._bits, self._words = bank, bits, words
        super().__init__({"axi": In(Axi4(bits, addr_bits)), "host": In(WordPort(30))})

    def elaborate(self, platform):
        m = Module()
        axi, host = self.axi, self.host
        m.submodules.bank = bank = self._bank
        low = ceil_log2(self._bits // 8)
        inside = slice(low, low + ceil_log2(self._words))

        def is_outside(addr):
            return addr[inside.stop :].any() if len(addr) > inside.stop else 0

        # --- Host ---
        lanes = self._bits // 32
        lane = host.addr[2:low] if lanes > 1 else 0
        host_out = is_outside(host.addr)
        host_writes, host_reads = Signal(), Signal()
        waits = Signal(READ_DELAY)
        reading = Signal()
        m.d.comb += [
            host_writes.eq(host.valid & host.write & ~host_out),
            host_reads.eq(host.valid & ~host.write & ~reading),
            host.error.eq(host_out),
            host.done.eq(Mux(host.write, host.valid, waits[-1])),
            host.rdata.eq(bank.read_data.word_select(lane, 32)),
        ]
        m.d.sync += waits.eq(Cat(host_reads, waits[:-1]))
        m.d.sync += reading.eq(host.valid & ~host.write & ~host.done)

        # --- Write ---
        writing, w_out = Signal(), Signal()
        w_addr = Signal(range(self._words), reset_less=True)
        takes = Signal()
        m.d.comb += [
            axi.awready.eq(~writing & ~axi.bvalid),
            axi.wready.eq(writing & ~host.valid),
            takes.eq(axi.wvalid & axi.wready),
            bank.write_addr.eq(w_addr),
            bank.write_data.eq(axi.wdata),
            axi.bresp.eq(Mux(w_out, DECERR, OKAY)),
        ]
        with m.If(axi.awvalid & axi.awready):
            m.d.sync += [writing.eq(1), w_addr.eq(axi.awaddr[inside])]
            m.d.sync += w_out.eq(is_outside(axi.awaddr))
        with m.If(takes):
            m.d.comb += bank.write.eq(Mux(w_out, 0, axi.wstrb))
            m.d.sync += w_addr.eq(w_addr + 1)
            with m.If(axi.wlast):
                m.d.sync += [writing.eq(0), axi.bvalid.eq(1)]
        with m.If(axi.bvalid & axi.bready):
            m.d.sync += axi.bvalid.eq(0)
        with m.If(host_writes):
            m.d.comb += [
                bank.write.eq(0xF << (lane << 2) if lanes > 1 else 0xF),
                bank.write_addr.eq(host.addr[inside]),
                bank.write_data.eq(host.wdata.replicate(lanes)),
            ]

        # --- Read ---
        beat = data.StructLayout({"data": self._bits, "resp": 2, "last": 1})
        m.submodules.beats = beats = Pipe(beat, QUEUE)
        bursting, r_out = Signal(), Signal()
        r_addr, left = Signal(range(self._words), reset_less=True), Signal(8, reset_less=True)
        room = Signal(range(QUEUE + 1), init=QUEUE)
        reads, leaves = Signal(), Signal()
        last = left == 0
        coming = [Signal(3, name=f"coming_{n}") for n in range(READ_DELAY)]
        busy = host_writes | takes if bank.single else 0
        m.d.comb += [
            axi.arready.eq(~bursting),
            reads.eq(bursting & ~host_reads & (room != 0) & ~busy),
            bank.read.eq(reads | host_reads),
            bank.read_addr.eq(Mux(host_reads, host.addr[inside], r_addr)),
            beats.i.valid.eq(coming[-1][0]),
            beats.i.payload.last.eq(coming[-1][1]),
            beats.i.payload.resp.eq(Mux(coming[-1][2], DECERR, OKAY)),
            beats.i.payload.data.eq(bank.read_data),
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
