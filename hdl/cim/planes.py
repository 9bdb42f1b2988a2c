"""Vectors into bit planes, the highest first."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.cim import CimConfig
from .ports import a_layout

__all__ = ["Planes", "plane_layout"]

COPY = 16  # rows that share a copy of the plane's number


def plane_layout(config: CimConfig) -> data.StructLayout:
    """``first``, ``end`` of a vector; ``negate``: of the sign; ``index``: its bit of an activation.

    ``last``: of the vector.
    """
    return data.StructLayout(
        {"first": 1, "end": 1, "negate": 1, "index": range(config.act_bits), "last": 1}
    )


def highest(bits: Value) -> Value:
    """The highest of ``bits`` alone, as a bit."""
    return Cat(bit & ~bits[n + 1 :].any() for n, bit in enumerate(bits))


def number(bit: Value, size: int) -> Value:
    """Number of a bit of ``size`` of which one is high, 0 if none is."""
    width = max(1, (size - 1).bit_length())
    return Cat(Cat(bit[n] for n in range(size) if n >> b & 1).any() for b in range(width))


class Planes(wiring.Component):
    """Gives the planes of vectors, one per cycle, one vector right behind the other.

    With ``config.skip`` planes without a one take no cycle; a vector that has none at all takes
    one. The last plane of a vector waits for ``may_end``.

    Parameters
    ----------
    config : CimConfig

    Members
    -------
    i : ``In(stream.Signature(a_layout(config)))``
        ``i.ready`` comes from registers and ``may_end`` behind one gate.
    may_end : In(1)
        There is room for another output.
    ends : Out(1)
        A vector's last plane leaves in the next cycle, so that the room is taken.
    valid, plane, flags, bank : Out
        A plane by row, ``plane_layout``, and the bank that it meets. From registers.
    done, skipped : Out(1), Out(range(act_bits + 1))
        A plane was worked on; planes that a vector did without. From registers, to be counted.
    """

    def __init__(self, config: CimConfig):
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(a_layout(config))),
                "may_end": In(1),
                "ends": Out(1),
                "valid": Out(1),
                "plane": Out(config.rows),
                "flags": Out(plane_layout(config)),
                "bank": Out(range(config.banks)),
                "done": Out(1),
                "skipped": Out(range(config.act_bits + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        planes = config.act_bits
        # The vector under way: what is left of it behind the plane that comes next.
        vector = Signal(a_layout(config), reset_less=True)
        full, is_end, first, is_zero = Signal(), Signal(), Signal(), Signal()
        left = Signal(planes, reset_less=True)
        index = [
            Signal(range(planes), name=f"index_{start}", attrs={"own_register": 1})
            for start in range(0, config.rows, COPY)
        ]
        moves, steps = Signal(), Signal()
        m.d.comb += [
            moves.eq(~full | (is_end & self.may_end)),
            steps.eq(full & (~is_end | self.may_end)),
            self.ends.eq(full & is_end & self.may_end),
        ]
        word, ones, is_given = self._given(m, moves)
        rest = Mux(moves, ones, left)
        top = highest(rest)
        with m.If(moves):
            m.d.sync += [full.eq(is_given), vector.eq(word), first.eq(1), is_zero.eq(~ones.any())]
        with m.Elif(steps):
            m.d.sync += first.eq(0)
        with m.If(moves | steps):
            m.d.sync += [left.eq(rest & ~top), is_end.eq((rest & ~top) == 0)]
            m.d.sync += [copy.eq(number(top, planes)) for copy in index]

        # The plane that comes next.
        m.d.sync += [
            self.valid.eq(steps),
            self.bank.eq(vector.bank),
            self.flags.first.eq(first),
            self.flags.end.eq(is_end),
            self.flags.negate.eq(vector.signed & (vector.planes == index[0] + 1)),
            self.flags.index.eq(index[0]),
            self.flags.last.eq(vector.last),
            self.done.eq(steps & ~is_zero),
        ]
        for row in range(config.rows):
            bits = vector.a[row]
            m.d.sync += self.plane[row].eq(bits.bit_select(index[row // COPY], 1) & ~is_zero)
        return m

    def _given(self, m: Module, moves):
        """The next vector, its planes to be worked on, and whether there is one."""
        config, i = self._config, self.i
        planes = config.act_bits
        meant = Cat(i.payload.planes > n for n in range(planes))
        if not config.skip:
            m.d.comb += i.ready.eq(moves)
            return i.payload, meant, i.valid
        # Which planes have ones is found out in two steps.
        layout = a_layout(config)
        taken, ready = (Signal(layout, name=n, reset_less=True) for n in ("taken", "ready"))
        is_taken, is_ready = Signal(), Signal()
        asked, ones = Signal(planes, reset_less=True), Signal(planes, reset_less=True)
        takes = Signal()
        m.d.comb += [takes.eq(~is_ready | moves), i.ready.eq(~is_taken | takes)]
        with m.If(i.ready):
            m.d.sync += [taken.eq(i.payload), is_taken.eq(i.valid), asked.eq(meant)]
        with m.If(takes):
            m.d.sync += [ready.eq(taken), is_ready.eq(is_taken)]
            used = Cat(Cat(taken.a[r][n] for r in range(config.rows)).any() for n in range(planes))
            m.d.sync += ones.eq(used & asked)
        counted = Signal.like(self.skipped)
        m.d.comb += counted.eq(ready.planes - sum(ones[n] for n in range(planes)))
        m.d.sync += self.skipped.eq(Mux(moves & is_ready, counted, 0))
        return ready, ones, is_ready
