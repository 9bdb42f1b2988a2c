"""Contract of what keeps rows of sums apart."""

from types import SimpleNamespace
from typing import cast

from amaranth.hdl import Assert, Assume, Cover, Elaboratable, Module, Signal
from amaranth.hdl._ast import AnyConst, AnySeq
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import MachineConfig
from hdl.engines.port import APART, place_layout
from hdl.machine.places import Places
from hdl.stream import ReservedQueue

__all__ = ["ApartContract", "PlacesStream"]

WORDS = 2


CONFIG = cast(MachineConfig, SimpleNamespace(c_words=WORDS))


class PlacesStream(wiring.Component):
    """Places as a stream of what is shown a cycle after its row went: it goes if there is room."""

    DEPTH = 2

    def __init__(self) -> None:
        place = stream.Signature(place_layout(CONFIG))
        super().__init__({"i": In(place), "o": Out(place)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.places = places = Places(CONFIG)
        m.submodules.queue = queue = ReservedQueue(place_layout(CONFIG), self.DEPTH)
        wiring.connect(m, wiring.flipped(self.i), places.i)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        left, given = Signal(range(self.DEPTH + 1), init=self.DEPTH), Signal()
        m.d.comb += [given.eq(self.o.valid & self.o.ready), places.go.eq(given | (left != 0))]
        goes = places.may_go & places.go
        m.d.sync += [left.eq(left + given - goes), queue.write.eq(goes)]
        m.d.comb += queue.word.eq(places.place)
        return m


class ApartContract(Elaboratable):
    """Rows come at any time; one that is added to a word is far enough behind the one before.

    Some word, chosen by the solver, is watched. That places keep their order is proved as of any
    stream, see :class:`PlacesStream`.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = Places(CONFIG)
        i = block.i
        m.d.comb += [
            i.valid.eq(AnySeq(1)),
            i.payload.as_value().eq(AnySeq(len(i.payload.as_value()))),
            block.go.eq(AnySeq(1)),
        ]
        held, last = Signal(), Signal.like(i.payload.as_value())
        m.d.sync += [held.eq(i.valid & ~i.ready), last.eq(i.payload.as_value())]
        with m.If(held):
            m.d.comb += Assume(i.valid & (i.payload.as_value() == last))

        watched = Signal(range(WORDS))
        m.d.comb += watched.eq(AnyConst(len(watched)))
        since = Signal(range(APART + 1), init=APART)  # cycles since its last row
        place, went, goes = block.place, Signal(), Signal()
        m.d.sync += went.eq(block.may_go & block.go)
        m.d.comb += goes.eq(went & ~place.skip & (place.addr == watched))
        with m.If(goes):
            m.d.sync += since.eq(1)
        with m.Elif(since != APART):
            m.d.sync += since.eq(since + 1)
        with m.If(goes & ~place.first):
            m.d.comb += Assert(since == APART)

        # Worth seeing: a row that had to wait, and one that had not, for another row between.
        allowed = Signal()
        m.d.sync += allowed.eq(block.may_go)
        waited, between = Signal(range(APART + 1)), Signal(range(APART))
        with m.If(goes):
            m.d.sync += [waited.eq(0), between.eq(0)]
        with m.Else():
            with m.If(~allowed & (waited != APART)):
                m.d.sync += waited.eq(waited + 1)
            with m.If(went & (between != APART - 1)):
                m.d.sync += between.eq(between + 1)
        adds = goes & ~place.first & ~place.skip
        m.d.comb += [
            Cover(adds & (waited == APART - 1) & (between == 0)),
            Cover(adds & (waited == 1) & (between == APART - 2)),
            Cover(adds & (waited == 0) & (between == APART - 1)),
            Cover(goes & place.first & (since == 1)),
        ]
        return m
