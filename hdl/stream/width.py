"""Width change by a whole factor."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Narrow", "Widen"]


class Widen(wiring.Component):
    """Gathers ``factor`` words into one; the first word is element 0.

    Latency is one cycle after the last word of a group. Throughput is one word per cycle for as
    long as ``o.ready`` is high when a group is complete; ``i.ready`` then depends on ``o.ready``.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
        Shape of an input word.
    factor : int
        Words per output word, at least 1; ``ValueError`` otherwise.
    """

    def __init__(self, shape, factor: int):
        if factor < 1:
            raise ValueError(f"Factor must be at least 1, not {factor}")
        self._shape, self._factor = shape, factor
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(data.ArrayLayout(shape, factor))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        group = Signal.like(o.payload, reset_less=True)
        # One bit per word: which element takes the next one. No counter, no decoder.
        slot = Signal(self._factor, init=1)
        m.d.comb += [i.ready.eq(~o.valid | o.ready), o.payload.eq(group)]
        with m.If(o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(i.valid & i.ready):
            m.d.sync += slot.eq(slot.rotate_left(1))
            m.d.sync += o.valid.eq(slot[-1])
            for n in range(self._factor):
                with m.If(slot[n]):
                    m.d.sync += group[n].eq(i.payload)
        return m


class Narrow(wiring.Component):
    """Sends the ``factor`` elements of a word one after the other, element 0 first.

    Latency is one cycle. Throughput is one element per cycle: the next word is taken in the cycle
    in which the last element leaves, so ``i.ready`` depends on ``o.ready``.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
        Shape of an element.
    factor : int
        Elements per input word, at least 1; ``ValueError`` otherwise.
    """

    def __init__(self, shape, factor: int):
        if factor < 1:
            raise ValueError(f"Factor must be at least 1, not {factor}")
        self._shape, self._factor = shape, factor
        super().__init__(
            {
                "i": In(stream.Signature(data.ArrayLayout(shape, factor))),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        rest = Signal.like(i.payload, reset_less=True)
        left = Signal(self._factor)  # one-hot: bit n says that n elements follow the one shown
        bits = rest.as_value()
        width = len(bits) // self._factor
        m.d.comb += [
            i.ready.eq(~o.valid | (o.ready & left[0])),
            o.payload.eq(rest[0]),
        ]
        with m.If(o.ready):
            m.d.sync += o.valid.eq(o.valid & ~left[0])
            m.d.sync += left.eq(left >> 1)
            m.d.sync += bits.eq(Cat(bits[width:], bits[:width]))
        with m.If(i.valid & i.ready):
            m.d.sync += [o.valid.eq(1), left.eq(1 << (self._factor - 1)), rest.eq(i.payload)]
        return m
