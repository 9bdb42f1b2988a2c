"""Input slice of the array: decides early, moves data a cycle later."""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Signal, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LaunchSlice"]

COPY_BITS = 48  # payload bits whose control has registers of its own


class LaunchSlice(wiring.Component):
    """Two-word register slice whose payload follows its handshake by one cycle.

    Whether a beat can be launched depends on several registers; if that decision drove the enables
    of a whole payload, it would be the array's critical path. So only the flags are decided on. A
    cycle later the payload's registers do the same: every few of them have copies of what the
    decision was made from, and make it again where they are.

    Throughput is one word per cycle; ``head`` shows a word one cycle after it was accepted,
    ``data`` one cycle after it was taken.

    Parameters
    ----------
    layout : :class:`~amaranth.lib.data.StructLayout`
        Payload.
    flags : sequence of str
        One-bit fields of it that the decision needs.
    conditions : int
        Other bits that it needs.
    may_take : callable
        ``may_take(head, conditions)`` is whether a word with these flags is taken, a function of
        these bits alone.
    prepare : callable
        ``prepare(m, word)`` is what ``data`` shows of a word, of the same layout: a gate per bit
        or two, for which there is time here.

    Members
    -------
    i : ``In(stream.Signature(layout))``
        ``i.ready`` is a register's inverse.
    head_valid : Out(1)
        A word is here; from a register.
    head : ``Out(StructLayout)`` of the flags
        Its flags; from registers, meaningful while ``head_valid``.
    conditions : In(conditions)
        From registers.
    take : Out(1)
        ``head_valid`` and ``may_take``: the word is launched.
    data : ``Out(layout)``
        Payload of the word taken in the cycle before; from registers.
    """

    def __init__(
        self,
        layout: data.StructLayout,
        flags: tuple[str, ...],
        conditions: int,
        may_take: Callable[..., ValueLike],
        prepare: Callable[[Module, data.View], data.View] = lambda m, word: word,
    ):
        self._layout, self._flags = layout, flags
        self._may_take, self._prepare = may_take, prepare
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "head_valid": Out(1),
                "head": Out(data.StructLayout(dict.fromkeys(flags, 1))),
                "conditions": In(conditions),
                "take": Out(1),
                "data": Out(layout),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i = self.i
        free = Signal()
        spare_full = Signal()
        m.d.comb += [
            i.ready.eq(~spare_full),
            self.take.eq(self.head_valid & self._may_take(self.head, self.conditions)),
            free.eq(self.take | ~self.head_valid),
        ]
        # As gates rather than If, which Yosys would make a LUT in front of a reset input.
        m.d.sync += [
            self.head_valid.eq(~free | spare_full | i.valid),
            spare_full.eq(~free & (spare_full | i.valid)),
        ]

        flags = Signal.like(self.head, reset_less=True)
        for flag in self._flags:
            m.d.comb += flags[flag].eq(i.payload[flag])
        m.d.comb += self.head.eq(self._slice(m, "flags", flags, free, spare_full))

        # The same slice one cycle later.
        late = Signal(self._layout, reset_less=True)
        m.d.sync += late.eq(i.payload)
        bits = self._prepare(m, late).as_value()
        parts = []
        for n, first in enumerate(range(0, len(bits), COPY_BITS)):
            # Reset as the originals are, so that the first cycle after it is the same too.
            own = {"attrs": {"own_register": 1}}
            valid = Signal(name=f"valid_{n}", **own)
            spare = Signal(name=f"spare_{n}", **own)
            head = Signal.like(self.head, name=f"head_{n}", reset_less=True, **own)
            conditions = Signal.like(self.conditions, name=f"conditions_{n}", **own)
            m.d.sync += [
                valid.eq(self.head_valid),
                spare.eq(spare_full),
                head.eq(self.head),
                conditions.eq(self.conditions),
            ]
            free_late = ~valid | self._may_take(head, conditions)
            part = bits[first : first + COPY_BITS]
            parts.append(self._slice(m, f"data_{n}", part, free_late, spare))
        m.d.comb += self.data.as_value().eq(Cat(*parts))
        return m

    def _slice(self, m: Module, name: str, word, free, spare_full):
        """Registers of a two-word slice under given control; returns the word shown."""
        shown = Signal.like(word, name=f"{name}_shown", reset_less=True)
        spare = Signal.like(word, name=f"{name}_spare", reset_less=True)
        with m.If(~spare_full):
            m.d.sync += spare.eq(word)
        with m.If(free):
            m.d.sync += shown.eq(Mux(spare_full, spare, word))
        return shown
