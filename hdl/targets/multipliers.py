"""What a group of multipliers is on any target, and the group that leaves mapping to the tool."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import ArrayConfig

__all__ = ["InferredMultipliers", "Multipliers"]


class Multipliers(wiring.Component):
    """Interface: ``p[c][k] = a[k] · b[c][k]``, exact, for ``cols`` columns that share ``a``.

    Never stalls: one set of products per cycle, ``config.multiplier_latency`` cycles after its
    operands. A group exists so that a target can make two products in one DSP; any ``cols`` and
    any ``config.dot`` work, odd ones included.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.ArrayConfig`
        Operand ranges, ``dot`` and target.
    cols : int
        Columns of the group, 1 or 2.

    Members
    -------
    a : ``In(ArrayLayout(a_operand, dot))``
    b : ``In(ArrayLayout(ArrayLayout(b_operand, dot), cols))``
        Driven by the PE's operand registers, every cycle.
    p : ``Out(ArrayLayout(ArrayLayout(product, dot), cols))``
        From registers.
    """

    def __init__(self, config: ArrayConfig, cols: int):
        self._config, self._cols = config, cols
        self._dot = config.dot
        a = data.ArrayLayout(config.a_operand.shape, config.dot)
        b = data.ArrayLayout(config.b_operand.shape, config.dot)
        p = data.ArrayLayout(config.product.shape, config.dot)
        super().__init__(
            {
                "a": In(a),
                "b": In(data.ArrayLayout(b, cols)),
                "p": Out(data.ArrayLayout(p, cols)),
            }
        )

    def pipeline(self, m: Module, value, shape, stages: int, name: str):
        """``value`` after ``stages`` registers without reset."""
        for n in range(stages):
            stage = Signal(shape, name=f"{name}_{n}", reset_less=True)
            m.d.sync += stage.eq(value)
            value = stage
        return value


class InferredMultipliers(Multipliers):
    """A plain ``*`` and two registers: for simulation, ASICs and FPGAs without an own group."""

    def elaborate(self, platform):
        m = Module()
        shape = self._config.product.shape
        for c in range(self._cols):
            for k in range(self._dot):
                product = self.pipeline(m, self.a[k] * self.b[c][k], shape, 2, f"p_{c}_{k}")
                m.d.comb += self.p[c][k].eq(product)
        return m
