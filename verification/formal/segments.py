"""What contracts of both DMA masters share: bursts cover their segments, and offers are held."""

from typing import Any

from amaranth.hdl import Assert, Assume, Const, Module, Mux, Signal, Value
from amaranth.hdl._ast import AnySeq

__all__ = ["WORD", "Segments", "hold", "shape"]

# Small numbers: words of 1 byte, four pages of them.
WORD = 1
PAGES = 4


def shape(page: int) -> dict[str, Any]:
    """Parameters of a master: pages of ``page`` words."""
    bits = (PAGES * page * WORD).bit_length()
    return {"addr_bits": bits, "data_bits": 8 * WORD, "boundary": page * WORD}


class Segments:
    """The segment under way, and what is left of it to be covered by bursts.

    Drives a master's ``i`` with any legal segments and asserts, for each burst that leaves, that it
    begins where the last one ended, does not cross a page, and does not go beyond the segment: so
    segments are covered completely and in order. A segment has two and a half pages at most.
    """

    def __init__(self, m: Module, i, page: int) -> None:
        self._m, self._page = m, page
        most = 5 * page // 2
        bits = Value.cast(i.payload)
        m.d.comb += [i.valid.eq(AnySeq(1)), bits.eq(AnySeq(len(bits)))]
        held, last = Signal(), Signal.like(bits)
        m.d.sync += [held.eq(i.valid & ~i.ready), last.eq(bits)]
        with m.If(held):
            m.d.comb += Assume(i.valid & (bits == last))
        segment = i.payload
        m.d.comb += [
            Assume(segment.addr % WORD == 0),
            Assume((segment.beats >= 1) & (segment.beats <= most)),
            Assume(segment.addr // WORD + segment.beats <= PAGES * page),
        ]
        # In words. `left` is 0 where no segment is under way.
        self._at, self._left = Signal(range(PAGES * page + 1)), Signal(range(most + 1))
        self.tag = Signal.like(segment.tag)
        self._starts, self._segment = i.valid & i.ready, segment

    def burst(self, offered, taken, addr, length) -> None:
        """Assert the rules for a burst on offer, and account for it where it is taken."""
        m = self._m
        beats = length + 1
        with m.If(offered):
            m.d.comb += [
                Assert(addr % WORD == 0),
                Assert(addr // WORD == self._at),
                Assert(beats <= self._left),
                Assert(self._at % self._page + beats <= self._page),
            ]
        # Two more segments may have been taken while the last burst of this one is still on offer.
        empty = Const(0)
        beats_come = Mux(self._starts, self._segment.beats, 0)
        fresh = (self._segment.addr // WORD, beats_come, self._segment.tag)
        here = (self._at, self._left, self.tag)
        waiting = [tuple(Signal.like(x) for x in here) for _ in range(2)]
        first, second = waiting[0][1], waiting[1][1]
        after = [  # the segments after this one, the new one among them
            tuple(Mux(first != 0, old, new) for old, new in zip(waiting[0], fresh, strict=True)),
            tuple(
                Mux(second != 0, old, Mux(first != 0, new, empty))
                for old, new in zip(waiting[1], fresh, strict=True)
            ),
            tuple(Mux(second != 0, new, empty) for new in fresh),
        ]
        left = Mux(taken, self._left - beats, self._left)
        with m.If(taken):
            m.d.sync += [self._at.eq(self._at + beats), self._left.eq(left)]
        for ends, shown in ((left == 0, [here, *waiting]), (left != 0, waiting)):
            with m.If(ends):
                for place, value in zip(shown, after, strict=False):
                    m.d.sync += [x.eq(y) for x, y in zip(place, value, strict=True)]
        with m.If(left != 0):
            m.d.comb += Assert(after[2][1] == 0)
        self.idle = (self._left == 0) & (first == 0)


def hold(m: Module, valid, ready, *payload) -> None:
    """Assert that an offer stays as it is until it is taken."""
    held = Signal()
    m.d.sync += held.eq(valid & ~ready)
    for part in payload:
        value = Value.cast(part)
        last = Signal.like(value)
        m.d.sync += last.eq(value)
        with m.If(held):
            m.d.comb += Assert(valid & (value == last))
