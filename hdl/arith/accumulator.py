"""Accumulator that a format can replace."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..targets.ecp5 import accumulate

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """Running sum with restart: ``total`` becomes ``x`` where ``first``, else ``total + x``.

    Latency is one cycle, one term per cycle; never stalls, so a cycle without a term must bring
    ``x = 0`` and ``first = 0``. Sums wrap modulo ``2^bits``.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.Shape`
        Shape of a term.
    bits : int
        Width of the sum, at least that of a term; ``ValueError`` otherwise.
    flags : int
        Low bits of a term that are no part of the number: those of the total are set if one of its
        terms has them.
    target : "generic", "ecp5" or "ice40"
        ``ecp5`` instantiates the carry chain, with the restart inside its LUTs.

    Members
    -------
    first : In(1)
        Restart with this term.
    x : In(shape)
        The term.
    total : Out(signed(bits + flags))
        Sum of the terms up to the one of the cycle before.
    """

    def __init__(self, shape: Shape, bits: int, *, flags: int = 0, target: str = "generic"):
        if bits < (least := shape.width - flags):
            raise ValueError(f"Accumulator must have at least {least} bits, not {bits}")
        self._bits, self._flags, self._target = bits, flags, target
        super().__init__({"first": In(1), "x": In(shape), "total": Out(signed(bits + flags))})

    def elaborate(self, platform):
        m = Module()
        total = Signal(signed(self._bits), reset_less=True)
        x, whole = self.x, total
        if self._flags:
            flags = Signal(self._flags, reset_less=True)
            given, x = x[: self._flags], x[self._flags :].as_signed()
            m.d.sync += flags.eq(Mux(self.first, given, flags | given))
            whole = Cat(flags, total)
        m.d.comb += self.total.eq(whole)
        if self._target == "ecp5":
            m.d.sync += total.eq(accumulate(m, self.first, x, total))
        else:
            m.d.sync += total.eq(Mux(self.first, x, total + x))
        return m
