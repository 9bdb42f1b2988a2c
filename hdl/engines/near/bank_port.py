"""An AXI slave into the banks of a core."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...bus.axi import DECERR, INCR, OKAY, SLVERR
from ...config.fields import ceil_div, ceil_log2
from ...config.machine import MachineConfig
from ...config.near import NearConfig
from ...contract.engine import bank_axi
from ...near.ports import a_layout, o_layout, w_layout
from ...stream import Skid

__all__ = ["BankPort"]


class BankPort(wiring.Component):
    """Weights in a core's banks as memory: element n of row r of bank b, as ``B`` is in memory.

    Byte address: b · :attr:`MachineConfig.port_bank` + r · :attr:`MachineConfig.port_row`, where a
    row of ``cols`` elements is, packed, little-endian. What fills up its last word reads as 0 and
    is not written.

    One burst at a time, reads and writes in turn. The row that was accessed last is held here:
    beats for it take a cycle each, and so do those that write a whole row. Any other beat first has
    its row read, ``config.array.latency`` cycles and a few more: with a vector of a single 1, whose
    sums are that row. So bytes may be written in any order and amount.

    While ``busy`` every beat is refused with SLVERR, and so are all of a burst other than INCR;
    beats for places that do not exist with DECERR. A refused beat writes nothing and reads as 0;
    the others of its burst count. The answer to a write is that of the first refused beat.

    Parameters
    ----------
    config : MachineConfig
        Its array is a :class:`~insitu.hdl.config.NearConfig`.

    Members
    -------
    axi : ``In(bank_axi(config))``
    busy : In(1)
        The core is in use, or soon will be; from a register.
    write, word : Out(1), Out(w_layout)
        A row of weights for the core, from registers.
    a : ``Out(stream.Signature(a_layout))``
        A vector for the core.
    awaits : Out(1)
        A vector was taken and its sums have not come; from a register. What comes next is its own,
        as the engine's vectors are over before and begin after it.
    shows, o : In(1), In(o_layout)
        Its sums, which are always taken.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        core = config.array
        assert isinstance(core, NearConfig)
        self._core = core
        super().__init__(
            {
                "axi": In(bank_axi(config)),
                "busy": In(1),
                "write": Out(1),
                "word": Out(w_layout(core)),
                "a": Out(stream.Signature(a_layout(core))),
                "awaits": Out(1),
                "shows": In(1),
                "o": In(o_layout(core)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, core, axi = self._config, self._core, self.axi
        bits, bus = core.weight.bits, config.bus_bits
        row_bits = core.cols * bits
        words = ceil_div(row_bits, bus)  # of a row

        # --- The burst ---
        addr = Signal(config.port_addr_bits)
        resp, bad = Signal(2), Signal()
        within = Signal(7)  # bits of an address that lie within a beat
        left = Signal(8)
        was_read = Signal()  # the last burst, so that the other kind comes first now
        low, high = ceil_log2(config.bus_bytes), ceil_log2(config.port_row)
        top = ceil_log2(config.port_bank)
        index, row, bank = addr[low:high], addr[high:top], addr[top:]
        # What an address can say and is not there.
        beyond = [x >= most for x, most in ((index, words), (row, core.rows), (bank, core.banks))
                  if most < 1 << len(x)]  # fmt: skip
        exists = ~Cat(beyond).any()
        following = Signal.like(addr)
        m.d.comb += following.eq((addr | within) + 1)

        # --- The row that is held ---
        held = Signal(words * bus, reset_less=True)
        is_open = Signal()
        place = data.StructLayout({"bank": range(core.banks), "row": range(core.rows)})
        here = Signal(place, reset_less=True)
        hits = Signal()
        m.d.comb += hits.eq(is_open & (here.bank == bank) & (here.row == row))

        refuses, answer = Signal(), Signal(2)
        m.d.comb += [
            refuses.eq(self.busy | bad | ~exists),
            answer.eq(Mux(self.busy | bad, SLVERR, Mux(exists, OKAY, DECERR))),
        ]
        # Bytes of a beat, as far as the row has them.
        used = Const((1 << row_bits) - 1, words * bus)
        lanes = Cat(strobe.replicate(8) for strobe in axi.wstrb)
        is_whole = Signal()
        m.d.comb += is_whole.eq((lanes | ~used).all() if words == 1 else 0)
        # A beat that is written reaches the row a cycle later, so that what decides has but one
        # register to go to. Nobody reads the row, or has another fetched, before.
        writes, puts = Signal(), Signal()
        written = data.StructLayout(
            {"data": bus, "strobe": len(axi.wstrb), "index": len(index), "place": place}
        )
        taken = Signal(written, reset_less=True)
        m.d.sync += [
            puts.eq(writes),
            taken.data.eq(axi.wdata),
            taken.strobe.eq(axi.wstrb),
            taken.index.eq(index),
            taken.place.bank.eq(bank),
            taken.place.row.eq(row),
        ]
        with m.If(writes):
            m.d.sync += [is_open.eq(1), here.bank.eq(bank), here.row.eq(row)]
        merged, shift = Signal(words * bus), taken.index
        mask = Cat(strobe.replicate(8) for strobe in taken.strobe) & used.word_select(shift, bus)
        m.d.comb += [
            merged.eq(held),
            merged.word_select(shift, bus).eq(
                (held.word_select(shift, bus) & ~mask) | (taken.data & mask)
            ),
        ]
        with m.If(puts):
            m.d.sync += held.eq(merged)
        m.d.sync += [
            self.write.eq(puts),
            self.word.bank.eq(taken.place.bank),
            self.word.row.eq(taken.place.row),
            Cat(self.word.w).eq(merged),
        ]

        # --- A vector with a 1 in that row ---
        vector = self.a.payload
        m.d.comb += [
            *(vector.a[n].eq(row == n) for n in range(core.rows)),
            vector.bank.eq(bank),
            vector.signed.eq(0),
            vector.last.eq(0),
        ]
        shown = Cat(self.o.c[n][:bits] for n in range(core.cols))

        # Beats that are read leave through a register slice, so that what decides does not wait for
        # what takes them.
        read = data.StructLayout({"data": bus, "resp": 2, "last": 1})
        m.submodules.shown = beats = Skid(read)
        beat = beats.i.payload
        m.d.comb += [
            beat.data.eq(Mux(refuses, 0, (held & used).word_select(index, bus))),
            beat.resp.eq(answer),
            beat.last.eq(left == 0),
            axi.rvalid.eq(beats.o.valid),
            beats.o.ready.eq(axi.rready),
            axi.rdata.eq(beats.o.payload.data),
            axi.rresp.eq(beats.o.payload.resp),
            axi.rlast.eq(beats.o.payload.last),
        ]
        with m.If(axi.bvalid & axi.bready):
            m.d.sync += axi.bvalid.eq(0)
        with m.FSM():
            with m.State("idle"):
                # Neither kind waits for an answer to the other that has not been taken.
                may_read, may_write = axi.arvalid & ~axi.rvalid, axi.awvalid & ~axi.bvalid
                m.d.comb += [
                    axi.arready.eq(may_read & (~may_write | ~was_read)),
                    axi.awready.eq(may_write & ~axi.arready),
                ]
                with m.If(axi.arready):
                    m.d.sync += [
                        addr.eq(axi.araddr),
                        within.eq(Cat(axi.arsize > n for n in range(len(within)))),
                        left.eq(axi.arlen),
                        bad.eq(axi.arburst != INCR),
                        axi.rid.eq(axi.arid),
                        was_read.eq(1),
                    ]
                    m.next = "read"
                with m.If(axi.awready):
                    m.d.sync += [
                        addr.eq(axi.awaddr),
                        within.eq(Cat(axi.awsize > n for n in range(len(within)))),
                        bad.eq(axi.awburst != INCR),
                        axi.bid.eq(axi.awid),
                        resp.eq(OKAY),
                        was_read.eq(0),
                    ]
                    m.next = "write"
            with m.State("write"):
                with m.If(axi.wvalid):
                    with m.If(refuses | hits | is_whole | ~axi.wstrb.any()):
                        m.d.comb += [axi.wready.eq(1), writes.eq(~refuses & axi.wstrb.any())]
                        m.d.sync += addr.eq(following)
                        with m.If(resp == OKAY):
                            m.d.sync += resp.eq(answer)
                        with m.If(axi.wlast):
                            m.next = "answer"
                    with m.Else():
                        m.next = "fetch for write"
            with m.State("answer"):
                m.d.sync += [axi.bvalid.eq(1), axi.bresp.eq(resp)]
                m.next = "idle"
            with m.State("read"):
                with m.If(beats.i.ready):
                    with m.If(refuses | hits):
                        m.d.comb += beats.i.valid.eq(1)
                        m.d.sync += [left.eq(left - 1), addr.eq(following)]
                        with m.If(left == 0):
                            m.next = "idle"
                    with m.Else():
                        m.next = "fetch for read"
            for kind in ("write", "read"):
                with m.State(f"fetch for {kind}"):
                    # Once it was taken its sums will come, though `busy` rises meanwhile.
                    m.d.comb += self.a.valid.eq(~self.busy)
                    with m.If(self.busy):
                        m.next = kind
                    with m.Elif(self.a.ready):
                        m.d.sync += self.awaits.eq(1)
                        m.next = f"wait for {kind}"
                with m.State(f"wait for {kind}"):
                    with m.If(self.shows):
                        m.d.sync += [
                            self.awaits.eq(0),
                            held.eq(shown),
                            is_open.eq(1),
                            here.bank.eq(bank),
                            here.row.eq(row),
                        ]
                        m.next = kind
        # A descriptor may change what the banks hold.
        with m.If(self.busy):
            m.d.sync += is_open.eq(0)
        return m
