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
        There is room for another output. A register.
    ends : Out(1)
        A vector's last plane leaves in the next cycle, so that the room is taken.
    valid, plane, flags, bank : Out
        A plane by row, ``plane_layout``, and the bank that it meets. From registers.
    done, skipped : Out(1), Out(range(act_bits + 1))
        A plane was worked on; planes that a vector did without. From registers, to be counted.
    done_tag, skipped_tag : Out(1)
        Tags of these vectors.
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
                "done_tag": Out(1),
                "skipped_tag": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        planes = config.act_bits
        # --- Control: which vector is under way, what is left of it behind the next plane ---
        full, is_end, first, is_zero = Signal(), Signal(), Signal(), Signal()
        left, index = Signal(planes, reset_less=True), Signal(range(planes), reset_less=True)
        moves, steps = Signal(), Signal()
        m.d.comb += [
            moves.eq(~full | (is_end & self.may_end)),
            steps.eq(full & (~is_end | self.may_end)),
            self.ends.eq(full & is_end & self.may_end),
        ]
        a, given, ones, is_given = self._given(m, moves)
        vector = Signal(given.shape(), reset_less=True)
        rest = Mux(moves, ones, left)
        top = highest(rest)
        with m.If(moves):
            m.d.sync += [full.eq(is_given), vector.eq(given), first.eq(1), is_zero.eq(~ones.any())]
        with m.Elif(steps):
            m.d.sync += first.eq(0)
        with m.If(moves | steps):
            m.d.sync += [left.eq(rest & ~top), is_end.eq((rest & ~top) == 0)]
            m.d.sync += index.eq(number(top, planes))

        # --- The plane, a cycle behind: what decides goes by registers near the rows ---
        valid, bank = Signal(), Signal.like(self.bank)
        flags, done, tag = Signal(self.flags.shape()), Signal(), Signal()
        m.d.sync += [
            valid.eq(steps),
            done.eq(steps & ~is_zero),
            tag.eq(vector.tag),
            bank.eq(vector.bank),
            flags.first.eq(first),
            flags.end.eq(is_end),
            flags.negate.eq(vector.signed & (vector.planes == index + 1)),
            flags.index.eq(index),
            flags.last.eq(vector.last),
            self.valid.eq(valid),
            self.bank.eq(bank),
            self.flags.eq(flags),
            self.done.eq(done),
            self.done_tag.eq(tag),
        ]
        held = self._held(m, "held", a, moves)
        for start in range(0, config.rows, COPY):
            where, nothing = (
                Signal.like(value, name=f"{name}_{start}", attrs={"own_register": 1})
                for name, value in (("index", index), ("nothing", is_zero))
            )
            m.d.sync += [where.eq(index), nothing.eq(is_zero)]
            for row in range(start, min(start + COPY, config.rows)):
                m.d.sync += self.plane[row].eq(held[row].bit_select(where, 1) & ~nothing)
        return m

    def _held(self, m: Module, name: str, a, loads):
        """Activations that are taken over with ``loads``, but a cycle later."""
        held = Signal(a.shape(), name=name, reset_less=True)
        for start in range(0, self._config.rows, COPY):
            enable = Signal(name=f"{name}_loads_{start}", attrs={"own_register": 1})
            m.d.sync += enable.eq(loads)
            with m.If(enable):
                for row in range(start, min(start + COPY, self._config.rows)):
                    m.d.sync += held[row].eq(a[row])
        return held

    def _given(self, m: Module, moves):
        """The next vector: its activations, a cycle later; all else, its planes to be worked on,
        and whether there is one."""
        config, i = self._config, self.i
        planes = config.act_bits
        a = Signal(i.payload.a.shape(), name="given", reset_less=True)
        m.d.sync += a.eq(i.payload.a)
        layout = data.StructLayout(
            {name: field.shape for name, field in a_layout(config) if name != "a"}
        )
        given = Signal(layout, name="given_else")
        m.d.comb += [given[name].eq(i.payload[name]) for name, _ in layout]
        meant = Cat(i.payload.planes > n for n in range(planes))
        if not config.skip:
            m.d.comb += i.ready.eq(moves)
            return a, given, meant, i.valid
        # Which planes have ones is found out on the way through three stages: of some rows, of all;
        # that a vector has, in the third one, is with the second in the cycle in which it comes.
        full = Signal(3)
        loads = Signal(3)
        m.d.comb += [
            loads[2].eq(~full[2] | moves),
            loads[1].eq(~full[1] | loads[2]),
            loads[0].eq(~full[0] | loads[1]),
            i.ready.eq(loads[0]),
        ]
        came, asked = i.valid, meant
        found = Cat(
            Cat(a[row][n] for row in range(start, min(start + COPY, config.rows))).any()
            for start in range(0, config.rows, COPY)
            for n in range(planes)
        )
        for n in range(3):
            stage = Signal(layout, name=f"stage_{n}", reset_less=True)
            wanted = Signal(planes, name=f"asked_{n}", reset_less=True)
            with m.If(loads[n]):
                m.d.sync += [full[n].eq(came), stage.eq(given), wanted.eq(asked)]
            a = self._held(m, f"stage_a_{n}", a, loads[n])
            late = Signal(name=f"loaded_{n}")
            m.d.sync += late.eq(loads[n])
            kept = Signal(len(found), name=f"found_{n}", reset_less=True)
            with m.If(late):
                m.d.sync += kept.eq(found)
            if n == 2:
                kept = Mux(late, found, kept)
            elif n == 0:
                groups = len(kept) // planes
                kept = Cat(Cat(kept[k * planes + b] for k in range(groups)).any()
                           for b in range(planes))  # fmt: skip
            came, given, asked, found = full[n], stage, wanted, kept
        ones = found & asked
        counted = Signal.like(self.skipped)
        m.d.comb += counted.eq(given.planes - sum(ones[n] for n in range(planes)))
        m.d.sync += [
            self.skipped.eq(Mux(moves & full[2], counted, 0)),
            self.skipped_tag.eq(given.tag),
        ]
        return a, given, ones, full[2]
