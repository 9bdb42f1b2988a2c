"""Dot products of the columns of a PE."""

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import ArrayConfig
from .multiplier import multipliers
from .tree import AdderTree

__all__ = ["DotProduct"]


class DotProduct(wiring.Component):
    """``o[c] = Σ_k a[k] · b[c][k]``: a multiplier group with an adder tree for each column.

    One result per cycle, ``config.multiplier_latency + config.tree_latency`` cycles after its
    operands; never stalls.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.ArrayConfig`
    cols : int
        Columns that share ``a``.

    Members
    -------
    a, b : In
        As of :class:`~insitu.hdl.targets.multipliers.Multipliers`.
    o : ``Out(ArrayLayout(dot_sum, cols))``
        From registers.
    """

    def __init__(self, config: ArrayConfig, cols: int):
        self._config, self._cols = config, cols
        a = data.ArrayLayout(config.a_operand.shape, config.dot)
        b = data.ArrayLayout(config.b_operand.shape, config.dot)
        super().__init__(
            {
                "a": In(a),
                "b": In(data.ArrayLayout(b, cols)),
                "o": Out(data.ArrayLayout(config.dot_sum.shape, cols)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.mult = mult = multipliers(config, self._cols)
        m.d.comb += [mult.a.eq(self.a), mult.b.eq(self.b)]
        for c in range(self._cols):
            m.submodules[f"tree_{c}"] = tree = AdderTree(
                [config.product] * config.dot, config.dot_sum
            )
            m.d.comb += [tree.i[str(k)].eq(mult.p[c][k]) for k in range(config.dot)]
            m.d.comb += self.o[c].eq(tree.o)
        return m
