"""Processing elements. A PE serves one column, or two that share their DSPs."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith import Accumulator
from ..arith.numbers import arithmetic
from ..config import ArrayConfig
from ..export.library import shared

__all__ = ["OutputPE", "WeightPE"]


class _PE(wiring.Component):
    """What both kinds share: activations pass to the right, one register per PE."""

    def __init__(self, config: ArrayConfig, cols: int, members: dict):
        self._config, self._cols = config, cols
        a = data.ArrayLayout(config.a_moving.shape, config.dot)
        b = data.ArrayLayout(data.ArrayLayout(config.b_moving.shape, config.dot), cols)
        super().__init__({"a_i": In(a), "a_o": Out(a), "b_i": In(b), "b_o": Out(b)} | members)

    def _operands(self, m: Module, platform):
        """Register both operands, pass them on, and return the dot product of ``a`` and ``b_o``."""
        a = Signal.like(self.a_i, reset_less=True)
        b = Signal.like(self.b_i, reset_less=True)
        m.d.sync += [a.eq(self.a_i), b.eq(self.b_i)]
        m.d.comb += [self.a_o.eq(a), self.b_o.eq(b)]
        kind = arithmetic(self._config).dot
        m.submodules.dot = dot = shared(platform, kind, self._config, self._cols)
        m.d.comb += dot.a.eq(a)
        return dot

    def _pass(self, m: Module, name: str):
        """Register flag ``name`` for the next PE.

        PEs on an anti-diagonal have equal flags. The attribute tells the synthesis flow not to
        share one register among them, whose wire would cross the whole array.
        """
        flag = Signal(name=f"{name}_flag", attrs={"own_register": 1})
        m.d.sync += flag.eq(getattr(self, f"{name}_i"))
        m.d.comb += getattr(self, f"{name}_o").eq(flag)


class OutputPE(_PE):
    """PE of an output-stationary array: both operands move, the sum stays.

    Free-running. ``total`` includes operands ``config.pe_latency`` cycles after they were at the
    inputs.

    Members
    -------
    a_i, a_o, b_i, b_o
        Operands from the left and from above, and the same one cycle later for the next PE. In a
        cycle without operands ``a_i`` is 0.
    first_i, first_o : In(1), Out(1)
        The tile's first dot product reaches the accumulator in this cycle; passed on to the right.
    total : ``Out(ArrayLayout(signed(acc_bits), cols))``
        Accumulators. Complete for one cycle, until the next tile's first term replaces them.
    """

    def __init__(self, config: ArrayConfig, cols: int):
        total = data.ArrayLayout(config.wire(config.out_values), cols)
        super().__init__(config, cols, {"first_i": In(1), "first_o": Out(1), "total": Out(total)})

    def elaborate(self, platform):
        m = Module()
        config = self._config
        dot = self._operands(m, platform)
        m.d.comb += dot.b.eq(self.b_o)
        self._pass(m, "first")
        for c in range(self._cols):
            acc = Accumulator(
                config.wire(config.dot_sum),
                config.acc_bits,
                flags=config.number.flags,
                target=config.target,
            )
            m.submodules[f"acc_{c}"] = acc
            m.d.comb += [
                acc.x.eq(dot.o[c]),
                acc.first.eq(self.first_i),
                self.total[c].eq(acc.total),
            ]
        return m


class WeightPE(_PE):
    """PE of a weight-stationary array: weights stay, activations and partial sums move.

    Free-running. ``psum_o`` is ``psum_i`` plus the product of the activations that were at ``a_i``
    ``config.pe_latency`` cycles before, one cycle later than ``psum_i``.

    Parameters
    ----------
    row : int
        Row of the PE, which fixes the width of its sums.

    Members
    -------
    a_i, a_o
        Activations from the left, and one cycle later to the right.
    b_i, b_o
        Weight words on their way down, one row per cycle.
    load_i, load_o : In(1), Out(1)
        ``b_i`` is for this row: take it into the shadow registers. Moves to the right with
        weights that are skewed like activations.
    swap_i, swap_o : In(1), Out(1)
        ``a_i`` is the first vector for the shadow weights: they take effect with it.
    psum_i, psum_o
        Partial sums from above (absent in row 0) and to below.
    """

    def __init__(self, config: ArrayConfig, cols: int, row: int):
        self._row = row
        members = {"load_i": In(1), "load_o": Out(1), "swap_i": In(1), "swap_o": Out(1)}
        members["psum_o"] = Out(data.ArrayLayout(config.wire(config.row_psum(row)), cols))
        if row:
            above = config.wire(config.row_psum(row - 1))
            members["psum_i"] = In(data.ArrayLayout(above, cols))
        super().__init__(config, cols, members)

    def elaborate(self, platform):
        m = Module()
        dot = self._operands(m, platform)
        shadow = Signal.like(self.b_i, reset_less=True)
        active = Signal.like(self.b_i, reset_less=True)
        self._pass(m, "load")
        self._pass(m, "swap")
        with m.If(self.load_i):
            m.d.sync += shadow.eq(self.b_i)
        with m.If(self.swap_i):
            m.d.sync += active.eq(shadow)
        m.d.comb += dot.b.eq(active)

        add = arithmetic(self._config).add
        psum = Signal.like(self.psum_o, reset_less=True)
        m.d.comb += self.psum_o.eq(psum)
        for c in range(self._cols):
            m.d.sync += psum[c].eq(add(dot.o[c], self.psum_i[c]) if self._row else dot.o[c])
        return m
