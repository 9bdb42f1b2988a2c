"""Input slice of the array: decides early, moves data a cycle later."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LaunchSlice"]


class LaunchSlice(wiring.Component):
    """Two-word register slice whose payload follows its handshake by one cycle.

    Whether a beat can be launched depends on several registers; if that decision drove the enables
    of a whole payload, it would be the array's critical path. So only the flags are decided on, and
    the payload's registers do the same a cycle later, their enables straight from registers.

    Throughput is one word per cycle; ``head`` shows a word one cycle after it was accepted,
    ``data`` one cycle after it was taken.

    Parameters
    ----------
    layout : :class:`~amaranth.lib.data.StructLayout`
        Payload.
    flags : sequence of str
        One-bit fields of it that the decision needs.

    Members
    -------
    i : ``In(stream.Signature(layout))``
        ``i.ready`` is a register's inverse.
    head_valid : Out(1)
        A word is here; from a register.
    head : ``Out(StructLayout)`` of the flags
        Its flags; from registers, meaningful while ``head_valid``.
    take : In(1)
        Launch it; only while ``head_valid``.
    data : ``Out(layout)``
        Payload of the word taken in the cycle before; from registers.
    """

    def __init__(self, layout: data.StructLayout, flags: tuple[str, ...]):
        self._layout, self._flags = layout, flags
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "head_valid": Out(1),
                "head": Out(data.StructLayout(dict.fromkeys(flags, 1))),
                "take": In(1),
                "data": Out(layout),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i = self.i
        free = Signal()
        spare_full = Signal()
        m.d.comb += [i.ready.eq(~spare_full), free.eq(self.take | ~self.head_valid)]
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
        free_late = Signal()
        spare_late = Signal()
        late = Signal(self._layout, reset_less=True)
        m.d.sync += [free_late.eq(free), spare_late.eq(spare_full), late.eq(i.payload)]
        m.d.comb += self.data.eq(self._slice(m, "data", late, free_late, spare_late))
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
