"""Contract of a stream block: nothing lost, invented, repeated or reordered; offers are held."""

from collections.abc import Callable

from amaranth.hdl import Assert, Assume, Cover, Elaboratable, Module, Signal, Value
from amaranth.hdl._ast import AnyConst, AnySeq, Initial
from amaranth.lib import wiring

__all__ = ["StreamContract"]


class StreamContract(Elaboratable):
    """Surrounds a block that has streams ``i`` and ``o`` with assumptions and assertions.

    Some element of some input word, chosen by the solver, is watched: the contract counts how many
    output words must leave before the one it is in, and asserts that the element is there. As the
    choice is free, every element of every word is meant.

    Parameters
    ----------
    block : component
        What is to be proved.
    element_bits : int
        Bits of an element.
    i_elements, o_elements : int
        Elements in a word of each stream.
    capacity : int
        Input words that may be inside.
    latency : int
        Cycles with ``o.ready`` high within which a complete output word must be offered.
    place : function of (element, words inside, position of the word in its group)
        Gives the number of output words that leave before the watched one, and the place of the
        element in that word. ``None``: elements keep their order.
    group : int
        Input words after which the block is in the same state again.
    """

    def __init__(
        self,
        block: wiring.Component,
        *,
        element_bits: int,
        i_elements: int = 1,
        o_elements: int = 1,
        capacity: int,
        latency: int,
        place: Callable[[Value, Value, Value], tuple[Value, Value]] | None = None,
        group: int = 1,
    ) -> None:
        self._block, self._bits = block, element_bits
        self._i_elements, self._o_elements = i_elements, o_elements
        self._capacity, self._latency = capacity, latency
        self._place, self._group = place or self._in_order, group

    def _in_order(self, element: Value, inside: Value, position: Value) -> tuple[Value, Value]:
        before = inside + element
        return before // self._o_elements, before % self._o_elements

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = self._block
        i, o = block.i, block.o
        i_bits, o_bits = Value.cast(i.payload), Value.cast(o.payload)

        # The environment: any words at any time, held until they are taken; reset at any time too.
        m.d.comb += [i.valid.eq(AnySeq(1)), i_bits.eq(AnySeq(len(i_bits))), o.ready.eq(AnySeq(1))]
        i_held, o_held = Signal(), Signal()
        i_last, o_last = Signal.like(i_bits), Signal.like(o_bits)
        m.d.sync += [i_held.eq(i.valid & ~i.ready), i_last.eq(i_bits)]
        m.d.sync += [o_held.eq(o.valid & ~o.ready), o_last.eq(o_bits)]
        with m.If(i_held):
            m.d.comb += Assume(i.valid & (i_bits == i_last))
        with m.If(o_held):
            m.d.comb += Assert(o.valid & (o_bits == o_last))

        # Elements inside, and where in its group the next input word stands.
        takes, gives = Signal(), Signal()
        m.d.comb += [takes.eq(i.valid & i.ready), gives.eq(o.valid & o.ready)]
        most = self._capacity * self._i_elements
        inside = Signal(range(most + self._i_elements + 1))
        position = Signal(range(self._group))
        with m.If(takes):
            m.d.sync += position.eq(position + 1)
            with m.If(position == self._group - 1):
                m.d.sync += position.eq(0)
        m.d.sync += inside.eq(inside + takes * self._i_elements - (gives * self._o_elements))
        m.d.comb += Assert(inside <= most)
        with m.If(o.valid):
            m.d.comb += Assert(inside >= self._o_elements)

        # One element is watched.
        choose, element = AnySeq(1), AnyConst(self._i_elements.bit_length())
        m.d.comb += Assume(element < self._i_elements)
        watched, value = Signal(), Signal(self._bits)
        before, where = Signal(range(most + 2)), Signal(range(max(2, self._o_elements)))
        number, spot = self._place(element, inside, position)
        with m.If(takes & choose & ~watched):
            m.d.sync += [
                watched.eq(1),
                value.eq(i_bits.word_select(element, self._bits)),
                before.eq(number - gives),
                where.eq(spot),
            ]
        with m.Elif(watched & gives):
            m.d.sync += before.eq(before - 1)
            with m.If(before == 0):
                m.d.sync += watched.eq(0)
                m.d.comb += Assert(o_bits.word_select(where, self._bits) == value)

        # A complete word comes out in time.
        waiting = Signal(range(self._latency + 2))
        with m.If(o.valid | ~o.ready | (inside < self._o_elements * self._group)):
            m.d.sync += waiting.eq(0)
        with m.Else():
            m.d.sync += waiting.eq(waiting + 1)
        m.d.comb += Assert(waiting < self._latency)

        # Worth seeing: full, empty again, a stall on each side.
        was_full = Signal()
        with m.If(inside > most - self._i_elements):
            m.d.sync += was_full.eq(1)
        m.d.comb += [
            Cover(was_full & (inside == 0) & ~Initial()),
            Cover(i_held & takes),
            Cover(o_held & gives & watched),
        ]
        return m
