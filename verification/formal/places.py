"""Contracts of what keeps rows of sums apart."""

from types import SimpleNamespace
from typing import cast

from amaranth.hdl import Assert, Assume, Cover, Elaboratable, Module, Mux, Signal, Value
from amaranth.hdl._ast import AnyConst, AnySeq

from insitu.hdl.config import MachineConfig
from insitu.hdl.contract.engine import APART
from insitu.hdl.operands.places import Places

__all__ = ["ApartContract", "OrderContract"]

WORDS = 2
CAPACITY = 7  # a register slice of two, two registers, another slice, the head
LATENCY = 4 + APART


def _places(m: Module) -> tuple[Places, Value]:
    """The block for few words, with places that come at any time, and whether a row goes."""
    m.submodules.block = block = Places(cast(MachineConfig, SimpleNamespace(c_words=WORDS)))
    i, goes = block.i, Signal()
    given = Value.cast(i.payload)
    m.d.comb += [i.valid.eq(AnySeq(1)), given.eq(AnySeq(len(given))), block.go.eq(AnySeq(1))]
    held, last = Signal(), Signal.like(given)
    m.d.sync += [held.eq(i.valid & ~i.ready), last.eq(given)]
    with m.If(held):
        m.d.comb += Assume(i.valid & (given == last))
    m.d.comb += goes.eq(block.may_go & block.go)
    return block, goes


class OrderContract(Elaboratable):
    """Each row is shown its place, in the order in which places came; none waits for ever.

    Some place, chosen by the solver, is watched: of how many before it the rows have not gone.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block, goes = _places(m)
        takes = Signal()
        m.d.comb += takes.eq(block.i.valid & block.i.ready)
        inside = Signal(range(CAPACITY + 2))
        m.d.sync += inside.eq(inside + takes - goes)
        m.d.comb += Assert(inside <= CAPACITY)
        with m.If(block.may_go):
            m.d.comb += Assert(inside != 0)

        watched, due = Signal(), Signal()
        value, before = Signal.like(Value.cast(block.place)), Signal.like(inside)
        with m.If(takes & AnySeq(1) & ~watched):
            m.d.sync += [watched.eq(1), value.eq(block.i.payload), before.eq(inside - goes)]
        with m.Elif(watched & goes):
            m.d.sync += [before.eq(before - 1), watched.eq(before != 0)]
        m.d.sync += due.eq(watched & goes & (before == 0))
        kept = Signal.like(value)
        m.d.sync += kept.eq(value)
        with m.If(due):
            m.d.comb += Assert(Value.cast(block.place) == kept)

        offered, waiting = Signal(), Signal(range(LATENCY + 2))
        m.d.sync += offered.eq(block.may_go & ~block.go)
        with m.If(offered):
            m.d.comb += Assert(block.may_go)
        m.d.sync += waiting.eq(Mux((inside != 0) & ~block.may_go, waiting + 1, 0))
        m.d.comb += Assert(waiting <= LATENCY)

        was_full = Signal()
        with m.If(inside == CAPACITY):
            m.d.sync += was_full.eq(1)
        m.d.comb += [Cover(was_full & (inside == 0)), Cover(due & goes & (value != 0))]
        return m


class ApartContract(Elaboratable):
    """Rows come at any time; one that is added to a word is far enough after the one before.

    Some word, chosen by the solver, is watched.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block, row = _places(m)
        watched = Signal(range(WORDS))
        m.d.comb += watched.eq(AnyConst(len(watched)))
        since = Signal(range(APART + 1), init=APART)  # cycles since its last row
        place, went, goes, allowed = block.place, Signal(), Signal(), Signal()
        m.d.sync += [went.eq(row), allowed.eq(block.may_go)]
        m.d.comb += goes.eq(went & ~place.skip & (place.addr == watched))
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
