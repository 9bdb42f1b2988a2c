"""Accumulator that a format can replace."""

from amaranth.hdl import Module, Mux, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..targets.ecp5 import accumulate

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """Running sum with restart: ``total`` becomes ``x`` where ``first``, else ``total + x``.

    Latency is one cycle, one term per cycle; never stalls, so a cycle without a term must bring
    ``x = 0`` and ``first = 0``. Sums wrap modulo ``2^bits``.

    A format with another idea of addition brings a component with the same members.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.Shape`
        Shape of a term.
    bits : int
        Width of the sum, at least that of a term; ``ValueError`` otherwise.
    target : "generic", "ecp5" or "ice40"
        ``ecp5`` instantiates the carry chain, with the restart inside its LUTs.

    Members
    -------
    first : In(1)
        Restart with this term.
    x : In(shape)
        The term.
    total : Out(signed(bits))
        Sum of the terms up to the one of the cycle before.
    """

    def __init__(self, shape: Shape, bits: int, *, target: str = "generic"):
        if bits < shape.width:
            raise ValueError(f"Accumulator must have at least {shape.width} bits, not {bits}")
        self._bits, self._target = bits, target
        super().__init__({"first": In(1), "x": In(shape), "total": Out(signed(bits))})

    def elaborate(self, platform):
        m = Module()
        total = Signal(signed(self._bits), reset_less=True)
        m.d.comb += self.total.eq(total)
        if self._target == "ecp5":
            m.d.sync += total.eq(accumulate(m, self.first, self.x, total))
        else:
            m.d.sync += total.eq(Mux(self.first, self.x, total + self.x))
        return m
