"""Sums of weights that are let through by one bit each."""

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.carry_save import three_to_two
from ..arith.tree import AdderTree
from ..config.cim import CimConfig
from ..formats import Interval
from ..targets.ecp5 import lut_adder

__all__ = ["GatedTree"]


class GatedTree(wiring.Component):
    """``Σ gate[row] · w[row]``, pipelined, one sum per cycle; never stalls.

    On ECP5 the gates of a binary tree are inside the LUTs of its first adders, where Yosys does
    not put them.

    Parameters
    ----------
    config : CimConfig
        Structure of the tree, and target.
    values : Interval
        Of a weight.
    rows : int

    Members
    -------
    gates, w : In(rows), In(ArrayLayout(values.shape, rows))
        Driven every cycle.
    sum : Out
        ``config.tree_latency(rows)`` cycles later, from registers.
    """

    def __init__(self, config: CimConfig, values: Interval, rows: int):
        self._config, self._values, self._rows = config, values, rows
        self._total = values.some(rows)
        super().__init__(
            {
                "gates": In(rows),
                "w": In(data.ArrayLayout(values.shape, rows)),
                "sum": Out(self._total.shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self._config.tree == "binary" or self._rows <= 2:
            self._binary(m)
        else:
            self._compressed(m)
        return m

    def _gated(self, row: int):
        return Mux(self.gates[row], self.w[row], 0)

    def _pair(self, m: Module, n: int, values: Interval):
        """Sum of two gated weights."""
        rows = range(2 * n, min(2 * n + 2, self._rows))
        if self._config.target != "ecp5" or len(rows) == 1:
            return sum(self._gated(row) for row in rows)
        shape = values.shape
        wide = [Signal(shape, name=f"w_{row}") for row in rows]
        m.d.comb += [x.eq(self.w[row]) for x, row in zip(wide, rows, strict=True)]
        gates = [self.gates[row] for row in rows]
        result = Signal(shape, name=f"gated_{n}")
        # A & B ^ C & D; where that is 0, A & B is carried.
        lut_adder(
            m, f"pair_{n}", 0x7888, result,
            lambda bit: (wide[0][bit], gates[0], wide[1][bit], gates[1]),
        )  # fmt: skip
        return result

    def _binary(self, m: Module) -> None:
        nodes = []
        for n in range((self._rows + 1) // 2):
            values = self._values.some(min(2, self._rows - 2 * n))
            node = Signal(values.shape, name=f"node_{n}", reset_less=True)
            m.d.sync += node.eq(self._pair(m, n, values))
            nodes.append((node, values))
        m.submodules.tree = tree = AdderTree([values for _, values in nodes], self._total)
        m.d.comb += [tree.i[str(n)].eq(node) for n, (node, _) in enumerate(nodes)]
        m.d.comb += self.sum.eq(tree.o)

    def _compressed(self, m: Module) -> None:
        """Rows of the sum's width, three or four into two per level, and one adder."""
        width = self._total.bits
        rows = []
        for row in range(self._rows):
            wide = Signal(width, name=f"gated_{row}")
            m.d.comb += wide.eq(self._gated(row))
            rows.append(wide)
        level = 0
        while len(rows) > 2:
            left = []
            size = 3 if self._config.tree == "3:2" else 4
            for start in range(0, len(rows), size):
                part = rows[start : start + size]
                if len(part) >= 3:
                    part = [*three_to_two(*part[:3]), *part[3:]]
                if len(part) == 3:
                    part = three_to_two(*part)
                left += part
            rows = []
            for n, value in enumerate(left):
                row = Signal(width, name=f"row_{level}_{n}", reset_less=True)
                m.d.sync += row.eq(value)
                rows.append(row)
            level += 1
        total = Signal(Shape(width, self._total.signed), name="total", reset_less=True)
        m.d.sync += total.eq((rows[0] + rows[1])[:width])
        m.d.comb += self.sum.eq(total)
