"""Affine loop nests: one address, or several values that move together, per cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Nest"]


class Nest(wiring.Component):
    """Walks loops, level 0 innermost, and gives ``base + Σ index · stride`` of each value.

    One step per cycle while ``o.ready``; the first is offered in the cycle after ``start``. The
    next ``start`` may come in the cycle in which the last step is taken, or later.

    Parameters
    ----------
    levels : int
        From 1.
    count_bits : int
        Width of a loop's count.
    values : dict
        Width of each value, by name. Values wrap modulo their width.

    Members
    -------
    start : In(1)
        Begin; only while ``ready``.
    ready : Out(1)
        Nothing is under way, or its last step is taken in this cycle.
    count : ``In(ArrayLayout(count_bits, levels))``
        Iterations of each loop, from 1; constant from ``start`` until the last step is taken.
    base, stride : In(StructLayout)
        Per value its first value (sampled at ``start``), and what one iteration of each level adds
        (constant as ``count`` is).
    o : ``Out(stream.Signature(...))``
        ``value``: the values. ``first``, ``last``: a bit per level, high where this level and
        all inside it are in their first or last iteration. From registers.
    """

    def __init__(self, levels: int, count_bits: int, values: dict[str, int]):
        if levels < 1:
            raise ValueError(f"Nest must have at least 1 level, not {levels}")
        self._levels = levels
        value = data.StructLayout({name: unsigned(bits) for name, bits in values.items()})
        strides = {name: data.ArrayLayout(bits, levels) for name, bits in values.items()}
        step = data.StructLayout({"value": value, "first": levels, "last": levels})
        super().__init__(
            {
                "start": In(1),
                "ready": Out(1),
                "count": In(data.ArrayLayout(count_bits, levels)),
                "base": In(value),
                "stride": In(data.StructLayout(strides)),
                "o": Out(stream.Signature(step)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        o, levels = self.o, self._levels
        moves, ends = Signal(), Signal()
        m.d.comb += [
            moves.eq(o.valid & o.ready),
            ends.eq(moves & o.payload.last[-1]),
            self.ready.eq(~o.valid | ends),
        ]
        with m.If(self.start):
            m.d.sync += o.valid.eq(1)
        with m.Elif(ends):
            m.d.sync += o.valid.eq(0)

        # Which levels are at their ends, by themselves; the outputs have them with all inside.
        left = [Signal(len(self.count[0]), name=f"left_{n}") for n in range(levels)]
        at_last, at_first = Signal(levels), Signal(levels)
        inner_last = [at_last[:n].all() if n else 1 for n in range(levels)]
        m.d.comb += [
            o.payload.last.eq(Cat(at_last[: n + 1].all() for n in range(levels))),
            o.payload.first.eq(Cat(at_first[: n + 1].all() for n in range(levels))),
        ]
        for n in range(levels):
            restart = self.start | (moves & (inner_last[n] & at_last[n]))
            with m.If(restart):
                m.d.sync += [
                    left[n].eq(self.count[n] - 1),
                    at_last[n].eq(self.count[n] == 1),
                    at_first[n].eq(1),
                ]
            with m.Elif(moves & inner_last[n]):
                m.d.sync += [
                    left[n].eq(left[n] - 1),
                    at_last[n].eq(left[n] == 1),
                    at_first[n].eq(0),
                ]

        for name, _ in o.payload.value.shape():
            value, stride = o.payload.value[name], self.stride[name]
            # Value at the start of the current iteration of each level; that of level 0 is shown.
            starts = [value]
            starts += [Signal.like(value, name=f"{name}_{n}") for n in range(1, levels)]
            after = Signal.like(value, name=f"{name}_after")
            # The outermost level that moves on: the first from inside that is not at its end.
            choice = starts[-1] + stride[levels - 1]
            for n in reversed(range(levels - 1)):
                choice = Mux(at_last[n], choice, starts[n] + stride[n])
            m.d.comb += after.eq(choice)
            for n in range(levels):
                with m.If(self.start):
                    m.d.sync += starts[n].eq(self.base[name])
                with m.Elif(moves & inner_last[n]):
                    m.d.sync += starts[n].eq(after)
        return m
