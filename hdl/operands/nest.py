"""Affine loop nests: one address, or several values that move together, per cycle."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Nest", "loops_layout"]


def loops_layout(levels: int, count_bits: int, values: dict[str, int]) -> data.StructLayout:
    """Loops, level 0 innermost.

    ``less``: iterations of each loop less one; ``once``, ``twice``: these are 0, or 1. ``stride``:
    per value what one iteration of each level adds.
    """
    strides = {name: data.ArrayLayout(bits, levels) for name, bits in values.items()}
    return data.StructLayout(
        {
            "less": data.ArrayLayout(count_bits, levels),
            "once": levels,
            "twice": levels,
            "stride": data.StructLayout(strides),
        }
    )


def _chosen(which: list[Value], values: list[Value]) -> Value:
    """The value whose bit of ``which`` is high, or 0 if none is."""
    return reduce(or_, (Mux(bit, value, 0) for bit, value in zip(which, values, strict=True)))


class Nest(wiring.Component):
    """Walks loops and gives ``Σ index · stride`` of each value.

    One step per cycle while ``o.ready``; the first of a nest follows the last of the one before in
    the next cycle. Which value comes next depends on registers only: the handshake drives their
    enables and nothing else.

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
    i : ``In(stream.Signature(loops_layout(levels, count_bits, values)))``
        Loops. ``i.ready`` depends on ``o.ready``.
    ending : Out(1)
        Nothing is under way, or its last step is shown; from registers.
    at_last : Out(levels)
        Loops that are in their last iteration, whatever those inside them are.
    o : ``Out(stream.Signature(...))``
        ``first``, ``last``: a bit per level, high where this level and all inside it are in their
        first or last iteration. From registers.
    value : Out
        The values of the step that was shown in the cycle before; from registers.
    """

    def __init__(self, levels: int, count_bits: int, values: dict[str, int]):
        if levels < 1:
            raise ValueError(f"Nest must have at least 1 level, not {levels}")
        self._levels = levels
        self._loops = loops_layout(levels, count_bits, values)
        value = data.StructLayout({name: unsigned(bits) for name, bits in values.items()})
        step = data.StructLayout({"first": levels, "last": levels})
        super().__init__(
            {
                "i": In(stream.Signature(self._loops)),
                "ending": Out(1),
                "at_last": Out(levels),
                "o": Out(stream.Signature(step)),
                "value": Out(value),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o, levels = self.i, self.o, self._levels
        # Which levels are at their ends, by themselves; the outputs have them with all inside.
        at_last, at_first = Signal(levels, init=~0), Signal(levels)
        # A level and all inside it are at their ends: found out a step before, for each level, as
        # much depends on it. `over`: all of them; with a copy for what is wide.
        own = {"own_register": 1}  # both, or Yosys takes one for the other
        ends = [
            Signal(name=f"ends_{n}", init=1, attrs=own if n == levels - 1 else {})
            for n in range(levels)
        ]
        over, fresh = ends[-1], Signal(init=1, attrs=own)
        # Values and counts move on while nothing is shown, too: then they are where a nest starts.
        # So their enables, which are many, depend on little.
        goes, moves = Signal(), Signal()
        m.d.comb += [
            self.ending.eq(over),
            self.at_last.eq(at_last),
            goes.eq(~o.valid | o.ready),
            i.ready.eq(over & goes),
            moves.eq(goes & (i.valid | ~over)),
            o.payload.last.eq(Cat(ends)),
            o.payload.first.eq(Cat(at_first[: n + 1].all() for n in range(levels))),
        ]
        with m.If(i.ready):
            m.d.sync += o.valid.eq(i.valid)

        loops = Signal(self._loops, reset_less=True)
        once, given_once = loops.once, i.payload.once
        with m.If(fresh):
            m.d.sync += loops.eq(i.payload)  # once they have started
        moving = [~at_last[n] & (ends[n - 1] if n else 1) for n in range(levels)]
        closing = []  # the level moves on to its last iteration; those inside it start over
        for n in range(levels):
            less = Mux(fresh, i.payload.less[n], loops.less[n])
            left = Signal(len(less), name=f"left_{n}", reset_less=True)
            is_one = Signal(name=f"left_{n}_is_one", reset_less=True)
            inside = ends[n - 1] if n else 1
            is_twice = Mux(fresh, i.payload.twice[n], loops.twice[n])
            with m.If(goes & inside):
                m.d.sync += left.eq(Mux(at_last[n], less, left - 1))
                m.d.sync += is_one.eq(Mux(at_last[n], is_twice, left == 2))
            with m.If(moves & inside):
                is_once = Mux(over, given_once[n], once[n])
                m.d.sync += at_last[n].eq(Mux(at_last[n], is_once, is_one))
                m.d.sync += at_first[n].eq(at_last[n])
            closing.append(moving[n] & once[:n].all() & is_one)
        for n, end in enumerate(ends):
            after = [closing[x] & at_last[x + 1 : n + 1].all() for x in range(n + 1)]
            if n < levels - 1:
                after.append(end & once[: n + 1].all())  # a level outside moves on
            with m.If(moves):
                m.d.sync += end.eq(Mux(over, given_once[: n + 1].all(), Cat(after).any()))
        with m.If(moves):
            m.d.sync += fresh.eq(Mux(over, given_once.all(), Cat(after).any()))

        # Values follow a cycle later: what begins the level that moves on, with its stride. That is
        # the first level from inside that is not at its end; none at the end of the nest, and 0.
        # Both terms come from registers. A level that moves while what begins it is still being
        # found takes it from there.
        went, is_found = Signal(levels), Signal()
        m.d.sync += went.eq(Cat(goes & (ends[n - 1] if n else 1) for n in range(levels)))
        m.d.comb += is_found.eq((Cat(moving) & went).any())
        for name, _ in self.value.shape():
            value, stride = self.value[name], loops.stride[name]
            # Value at the start of the current iteration of each level; that of level 0 is shown.
            bases = [value]
            bases += [Signal.like(value, name=f"{name}_{n}") for n in range(1, levels)]
            start, step, after = (
                Signal.like(value, name=f"{name}_{x}") for x in ("start", "step", "after")
            )
            m.d.comb += after.eq(start + step)
            m.d.sync += [
                start.eq(Mux(is_found, after, _chosen(moving, bases))),
                step.eq(_chosen(moving, [stride[n] for n in range(levels)])),
            ]
            for n in range(levels):
                with m.If(went[n]):
                    m.d.sync += bases[n].eq(after)
        return m
