"""The hardware of the adder-tree engine, and its description."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from adder_tree import TreeConfig
from insitu.hdl.arith import DotProduct
from insitu.hdl.array import SystolicArray
from insitu.hdl.engines.blocks import block_events
from insitu.hdl.engines.kind import Kind
from insitu.hdl.engines.systolic import SystolicEngine

__all__ = ["KINDS", "TreeArray", "TreeEngine", "TreeMesh"]


class TreeMesh(wiring.Component):
    """Two sets of weights, and the dot product of a vector with the current one, per column.

    Latency is one cycle more than that of the products and their tree; a vector per cycle, never
    stalls.

    Parameters
    ----------
    config : TreeConfig

    Members
    -------
    a, swap : In
        Activations of a vector, and whether it is the first for the set that was loaded last.
    b, load : In
        Weights of a row, and a bit per row: which one they are for.
    c : Out
        Sums, from registers.
    """

    def __init__(self, config: TreeConfig):
        self._config = config
        a = data.ArrayLayout(config.a_operand.shape, 1)
        b = data.ArrayLayout(config.b_operand.shape, 1)
        super().__init__(
            {
                "a": In(data.ArrayLayout(a, config.rows)),
                "b": In(data.ArrayLayout(b, config.cols)),
                "swap": In(1),
                "load": In(config.rows),
                "c": Out(data.ArrayLayout(config.out_values.shape, config.cols)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.products = products = DotProduct(config.columns, config.cols)
        for r in range(config.rows):
            x = Signal(config.a_operand.shape, name=f"a_{r}", reset_less=True)
            m.d.sync += x.eq(self.a[r][0])
            m.d.comb += products.a[r].eq(x)
            for n in range(config.cols):
                # The set that is loaded waits beside the one in use, and takes its place with the
                # first vector that is for it.
                waits, used = (
                    Signal(config.b_operand.shape, name=f"{x}_{r}_{n}", reset_less=True)
                    for x in ("waits", "used")
                )
                with m.If(self.load[r]):
                    m.d.sync += waits.eq(self.b[n][0])
                with m.If(self.swap):
                    m.d.sync += used.eq(waits)
                m.d.comb += products.b[n][r].eq(used)
        m.d.comb += [self.c[n].eq(products.o[n]) for n in range(config.cols)]
        return m


class TreeArray(SystolicArray):
    """The elastic edges of a systolic array around :class:`TreeMesh`."""

    def _weight_mesh(self) -> wiring.Component:
        return TreeMesh(self.config)


class TreeEngine(SystolicEngine):
    """Operand buffers, loops and counters of a weight-stationary array around it."""

    def _array(self, config: TreeConfig) -> TreeArray:
        return TreeArray(config)


KINDS = (
    Kind(
        name="adder trees",
        number=9,
        core=TreeConfig,
        engine=TreeEngine,
        events=block_events,
        example="tree-8x8",
        rung="adder trees: weights that stay, activations broadcast",
        alone="array",
        make_core=TreeArray,
    ),
)
