"""Contract of what keeps rows of sums apart."""

from types import SimpleNamespace
from typing import cast

from amaranth.hdl import Assert, Assume, Cover, Elaboratable, Module, Signal
from amaranth.hdl._ast import AnyConst, AnySeq

from hdl.config import MachineConfig
from hdl.engines.port import APART
from hdl.machine.places import Places

__all__ = ["ApartContract", "places"]

WORDS = 2


def places() -> Places:
    """The block, for few words."""
    return Places(cast(MachineConfig, SimpleNamespace(c_words=WORDS)))


class ApartContract(Elaboratable):
    """Rows come at any time; one that is added to a word is far enough behind the one before.

    Some word, chosen by the solver, is watched. That places keep their order is proved as of any
    stream.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = places()
        i, o = block.i, block.o
        m.d.comb += [
            i.valid.eq(AnySeq(1)),
            i.payload.as_value().eq(AnySeq(len(i.payload.as_value()))),
            o.ready.eq(AnySeq(1)),
        ]
        held, last = Signal(), Signal.like(i.payload.as_value())
        m.d.sync += [held.eq(i.valid & ~i.ready), last.eq(i.payload.as_value())]
        with m.If(held):
            m.d.comb += Assume(i.valid & (i.payload.as_value() == last))

        watched = Signal(range(WORDS))
        m.d.comb += watched.eq(AnyConst(len(watched)))
        since = Signal(range(APART + 1), init=APART)  # cycles since its last row
        place, goes = o.payload, Signal()
        m.d.comb += goes.eq(o.valid & o.ready & ~place.skip & (place.addr == watched))
        with m.If(goes):
            m.d.sync += since.eq(1)
        with m.Elif(since != APART):
            m.d.sync += since.eq(since + 1)
        with m.If(goes & ~place.first):
            m.d.comb += Assert(since == APART)

        # Worth seeing: a row that had to wait, and one that had not, for another row between.
        waited, between = Signal(range(APART + 1)), Signal(range(APART))
        with m.If(goes):
            m.d.sync += [waited.eq(0), between.eq(0)]
        with m.Else():
            with m.If(~o.valid & (waited != APART)):
                m.d.sync += waited.eq(waited + 1)
            with m.If(o.valid & o.ready & (between != APART - 1)):
                m.d.sync += between.eq(between + 1)
        adds = goes & ~place.first & ~place.skip
        m.d.comb += [
            Cover(adds & (waited == APART - 1) & (between == 0)),
            Cover(adds & (waited == 1) & (between == APART - 2)),
            Cover(adds & (waited == 0) & (between == APART - 1)),
            Cover(goes & place.first & (since == 1)),
        ]
        return m
