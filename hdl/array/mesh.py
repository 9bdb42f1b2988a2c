"""The free-running inside of the array: skew, PEs, and the way out, for both dataflows."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import ArrayConfig
from ..export.library import shared
from ..stream import Delay, Skew
from .drain import RowSelect
from .pe import OutputPE, WeightPE

__all__ = ["OutputMesh", "WeightMesh"]


def _groups(config: ArrayConfig) -> list[range]:
    """Columns of each PE of a row."""
    return [
        range(first, min(first + config.col_group, config.cols))
        for first in range(0, config.cols, config.col_group)
    ]


class _Mesh(wiring.Component):
    """Shared ends: ``a`` enters skewed by row, ``b`` by column group, ``c`` leaves straight."""

    def __init__(self, config: ArrayConfig, flags: dict):
        self._config = config
        self._groups = _groups(config)
        a = data.ArrayLayout(config.a_moving.shape, config.dot)
        b = data.ArrayLayout(config.b_moving.shape, config.dot)
        c = data.ArrayLayout(config.wire(config.out_values), config.cols)
        super().__init__(
            {
                "a": In(data.ArrayLayout(a, config.rows)),
                "b": In(data.ArrayLayout(b, config.cols)),
                "c": Out(c),
                **flags,
            }
        )

    def _group_of(self, col: int) -> int:
        return col // self._config.col_group

    def _skews(self, m: Module):
        config = self._config
        a_layout, b_layout = self.a.shape(), self.b.shape()
        m.submodules.a_skew = a_skew = Skew(a_layout.elem_shape, range(config.rows))
        m.submodules.b_skew = b_skew = Skew(
            b_layout.elem_shape, [self._group_of(c) for c in range(config.cols)]
        )
        m.submodules.deskew = deskew = Skew(
            config.wire(config.out_values),
            [config.col_groups - 1 - self._group_of(c) for c in range(config.cols)],
        )
        m.d.comb += [a_skew.i.eq(self.a), b_skew.i.eq(self.b), self.c.eq(deskew.o)]
        return a_skew, b_skew, deskew

    def _wire(self, m: Module, pes, a_skew, b_skew, names):
        """Connect neighbours: ``a`` and the flags ``names`` to the right, ``b`` down."""
        for r, row in enumerate(pes):
            for g, pe in enumerate(row):
                m.submodules[f"pe_{r}_{g}"] = pe
                left, above = row[g - 1] if g else None, pes[r - 1][g] if r else None
                m.d.comb += pe.a_i.eq(left.a_o if left else a_skew.o[r])
                for n, col in enumerate(self._groups[g]):
                    m.d.comb += pe.b_i[n].eq(above.b_o[n] if above else b_skew.o[col])
                for name, flags in names.items():
                    flag = getattr(left, f"{name}_o") if left else flags[r]
                    m.d.comb += getattr(pe, f"{name}_i").eq(flag)


class WeightMesh(_Mesh):
    """Weight-stationary PEs. ``c`` is whole ``config.wave_latency - 2`` cycles after ``a``.

    Members
    -------
    a, swap
        Activations of one vector, and whether it is the first for the weights loaded last.
    b, load
        Weights of one row, and one bit per row: which one they are for. The last row of a set
        enters at least one cycle before the vector with ``swap``, the first row of the next set not
        before it.
    """

    def __init__(self, config: ArrayConfig):
        super().__init__(config, {"swap": In(1), "load": In(config.rows)})

    def elaborate(self, platform):
        m = Module()
        config = self._config
        a_skew, b_skew, deskew = self._skews(m)
        rows = range(config.rows)
        flags = {}
        for name, source in (("swap", [self.swap] * config.rows), ("load", self.load)):
            m.submodules[f"{name}_skew"] = skew = Skew(1, rows, reset=True)
            m.d.comb += [skew.i[r].eq(source[r]) for r in rows]
            flags[name] = skew.o
        pes = [
            [shared(platform, WeightPE, config, len(cols), r) for cols in self._groups]
            for r in rows
        ]
        self._wire(m, pes, a_skew, b_skew, flags)
        for r in rows[1:]:
            for above, pe in zip(pes[r - 1], pes[r], strict=True):
                m.d.comb += pe.psum_i.eq(above.psum_o)
        for g, cols in enumerate(self._groups):
            m.d.comb += [deskew.i[col].eq(pes[-1][g].psum_o[n]) for n, col in enumerate(cols)]
        return m


class OutputMesh(_Mesh):
    """Output-stationary PEs and a row selector per column group.

    Row r of a tile completes one cycle after row r - 1, so each column needs one selector that
    steps down the rows with the wavefront, and the accumulators need no copy of their sums.

    Members
    -------
    a, b, first
        Operands of one beat, 0 if there is none, and whether it is the first of a tile.
    last : In(1)
        The beat is the last of its tile; at least ``rows`` cycles after the one before.
    c, c_valid, c_last
        Row 0 of the tile ``config.wave_latency - 2`` cycles after its last beat, then a row per
        cycle.
    """

    def __init__(self, config: ArrayConfig):
        flags = {"first": In(1), "last": In(1), "c_valid": Out(1), "c_last": Out(1)}
        super().__init__(config, flags)

    def elaborate(self, platform):
        m = Module()
        config = self._config
        a_skew, b_skew, deskew = self._skews(m)

        # `first` meets its dot product at the accumulator, so it starts that much later.
        to_sum = config.pe_latency - 1
        m.submodules.first_delay = first_delay = Delay(1, to_sum, reset=True)
        m.submodules.first_skew = first_skew = Skew(1, range(config.rows), reset=True)
        m.d.comb += first_delay.i.eq(self.first)
        m.d.comb += [first_skew.i[r].eq(first_delay.o) for r in range(config.rows)]
        pes = [
            [shared(platform, OutputPE, config, len(cols)) for cols in self._groups]
            for _ in range(config.rows)
        ]
        self._wire(m, pes, a_skew, b_skew, {"first": first_skew.o})

        # The row that completes in the first column group in this cycle.
        m.submodules.last_delay = last_delay = Delay(1, to_sum, reset=True)
        m.d.comb += last_delay.i.eq(self.last)
        row = Signal(range(config.rows))
        running = Signal()
        at_end = row == config.rows - 1
        with m.If(last_delay.o):
            m.d.sync += [running.eq(1), row.eq(0)]
        with m.Else():
            m.d.sync += running.eq(running & ~at_end)
            m.d.sync += row.eq(row + 1)

        select = row
        for g, cols in enumerate(self._groups):
            m.submodules[f"select_{g}"] = mux = shared(
                platform,
                RowSelect,
                config.wire(config.out_values),
                config.rows,
                len(cols),
                target=config.target,
            )
            m.d.comb += mux.row.eq(select)
            for r in range(config.rows):
                m.d.comb += mux.i[r].eq(pes[r][g].total)
            m.d.comb += [deskew.i[col].eq(mux.o[n]) for n, col in enumerate(cols)]
            step = Signal(range(config.rows), name=f"row_{g}", reset_less=True)
            m.d.sync += step.eq(select)
            select = step

        m.submodules.out_delay = out = Delay(
            2, config.mux_latency + config.col_groups - 1, reset=True
        )
        m.d.comb += out.i.eq(running | (running & at_end) << 1)
        m.d.comb += [self.c_valid.eq(out.o[0]), self.c_last.eq(out.o[1])]
        return m
