"""Pipelined adder tree."""

from collections.abc import Sequence

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..formats import Interval

__all__ = ["AdderTree"]


class AdderTree(wiring.Component):
    """Sum of its inputs, a registered two-input adder per node.

    Latency is ceil_log2(number of inputs) cycles, throughput one sum per cycle; never stalls. A
    node is as wide as its extremes need and never wider than the output, modulo whose width all
    sums are exact.

    Parameters
    ----------
    inputs : sequence of :class:`~insitu.hdl.formats.Interval`
        Values that each input can have; at least one.
    total : Interval
        Values that the sum can have: narrower than the inputs suggest where they depend on each
        other.

    Members
    -------
    i : ``In(StructLayout)``, fields ``"0"``, ``"1"``, …
        Driven every cycle.
    o : ``Out(total.shape)``
        From registers; a wire if there is one input.
    """

    def __init__(self, inputs: Sequence[Interval], total: Interval):
        if not inputs:
            raise ValueError("Adder tree must have at least 1 input, not 0")
        self._inputs, self._total = tuple(inputs), total
        shapes = {str(n): interval.shape for n, interval in enumerate(self._inputs)}
        super().__init__({"i": In(data.StructLayout(shapes)), "o": Out(total.shape)})

    def elaborate(self, platform):
        m = Module()
        nodes = [(self.i[str(n)], interval) for n, interval in enumerate(self._inputs)]
        level = 0
        while len(nodes) > 1:
            above = []
            for n in range(0, len(nodes), 2):
                pair = nodes[n : n + 2]
                lo = sum(interval.lo for _, interval in pair)
                hi = sum(interval.hi for _, interval in pair)
                interval = Interval(lo, hi)
                width = min(interval.bits, self._total.bits)
                node = Signal(
                    Shape(width, interval.signed), name=f"sum_{level}_{n // 2}", reset_less=True
                )
                m.d.sync += node.eq(sum(value for value, _ in pair))
                above.append((node, interval))
            nodes, level = above, level + 1
        m.d.comb += self.o.eq(nodes[0][0])
        return m
