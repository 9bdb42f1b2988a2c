"""Places of rows of sums, kept apart."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.machine import MachineConfig
from ..contract.engine import APART, place_layout
from ..stream import Skid

__all__ = ["Places"]


class Places(wiring.Component):
    """Passes on the places of rows of sums, each when its row may go.

    A row that is added to a word waits until ``APART`` cycles after the row before it for that
    word. How many cycles it must be after the row just before it depends on the order of the
    places only, so it is found out on the way in; if rows between the two had to wait as well, it
    waits longer than it must. Latency is five cycles, throughput one place per cycle.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    i : ``In(stream.Signature(place_layout(config)))``
        In the order of the rows. ``i.ready`` is a register's inverse.
    may_go : Out(1)
        The next row may go; from a register, and held until it goes.
    go : In(1)
        It goes, if it may.
    place : Out(place_layout(config))
        Its place, in the cycle after.
    """

    def __init__(self, config: MachineConfig):
        self._place = place_layout(config)
        super().__init__(
            {
                "i": In(stream.Signature(self._place)),
                "may_go": Out(1),
                "go": In(1),
                "place": Out(self._place),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i = self.i

        # A slice where they come from, a register where they are compared: which of the last places
        # a place meets.
        m.submodules.slice = taken = Skid(self._place)
        wiring.connect(m, wiring.flipped(i), taken.i)
        given, is_given = Signal(self._place, reset_less=True), Signal()
        others = APART - 1
        layout = data.StructLayout({"place": self._place, "meets": others})
        came, is_came = Signal(layout, init={"place": {"skip": 1}}), Signal()
        word = data.StructLayout({"addr": self._place["addr"].shape, "writes": 1})
        last = [Signal(word, name=f"last_{n}", reset_less=n == 0) for n in range(others)]
        m.d.comb += [last[0].addr.eq(came.place.addr), last[0].writes.eq(~came.place.skip)]
        adds = ~given.first & ~given.skip
        m.submodules.skid = skid = Skid(others)
        m.d.comb += [
            taken.o.ready.eq(skid.i.ready),
            skid.i.valid.eq(is_came),
            skid.i.payload.eq(came.meets),
        ]
        with m.If(skid.i.ready):
            m.d.sync += [
                is_given.eq(taken.o.valid),
                given.eq(taken.o.payload),
                is_came.eq(is_given),
            ]
        with m.If(is_given & skid.i.ready):
            m.d.sync += [
                came.place.eq(given),
                came.meets.eq(Cat(adds & x.writes & (x.addr == given.addr) for x in last)),
            ]
            m.d.sync += [b.eq(a) for a, b in zip(last, last[1:], strict=False)]

        # After the row that has just gone, wait for as many cycles as there are ones.
        meets, wait = skid.o.payload, Signal(others)
        is_head, may_go = Signal(), Signal()
        # One for those far away, one for what is here.
        valid, goes = (Signal(name=name, attrs={"own_register": 1}) for name in ("valid", "goes"))
        m.d.comb += self.may_go.eq(valid)
        with m.If(~is_head | (goes & self.go)):
            m.d.comb += [skid.o.ready.eq(1), may_go.eq(skid.o.valid & ~meets.any())]
            m.d.sync += [
                is_head.eq(skid.o.valid),
                wait.eq(Cat(meets[: others - n].any() for n in range(others))),
            ]
        with m.Else():
            m.d.comb += may_go.eq(~wait[1])
            m.d.sync += wait.eq(wait >> 1)
        m.d.sync += [valid.eq(may_go), goes.eq(may_go)]

        # The place itself is shown a cycle after its row went, so that the two need not be near
        # each other: two are in the slice, one at its end, one has gone.
        m.submodules.places = held = memory.Memory(shape=self._place, depth=4, init=[])
        write, read = held.write_port(), held.read_port(domain="comb")
        went = Signal()
        m.d.sync += went.eq(valid & self.go)
        m.d.comb += [
            write.en.eq(is_came & skid.i.ready),
            write.data.eq(came.place),
            self.place.eq(read.data),
        ]
        with m.If(is_came & skid.i.ready):
            m.d.sync += write.addr.eq(write.addr + 1)
        with m.If(went):
            m.d.sync += read.addr.eq(read.addr + 1)
        return m
