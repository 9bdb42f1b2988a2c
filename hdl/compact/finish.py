"""From sums to elements of C in memory, one after another."""

from amaranth.hdl import Array, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config.compact import CompactConfig
from .job import job_layout
from .memory import MemoryPort
from .requantise import SerialRequantise

__all__ = ["Finish"]


class Finish(wiring.Component):
    """Fetches a column's bias and scale, finishes its sums row by row, and writes each to memory.

    Cycles from ``full`` to ``done``, if memory is free: see ``docs/compact.md``. What is not free
    is waited for; ``full`` must not come again before ``done``.

    Parameters
    ----------
    config : CompactConfig

    Members
    -------
    job : In(job_layout)
    start : In(1)
        A job begins: columns count from its first one.
    full, total, rows : In
        Another column's sums, negated, for so many rows (less one), until ``done``.
    done : Out(1)
        For a cycle: they are in memory, or given up.
    bad_scale : Out(1)
        The column's scale is none: nothing of it is written. With ``done``.
    memory : ``Out(MemoryPort(config))``
    fetches, writes : Out(1)
        An access was accepted.
    """

    def __init__(self, config: CompactConfig):
        self._config = config
        rows = config.array.rows
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "full": In(1),
                "total": In(data.ArrayLayout(signed(config.sum_bits), rows)),
                "rows": In(range(max(2, rows))),
                "done": Out(1),
                "bad_scale": Out(1),
                "memory": Out(MemoryPort(config)),
                "fetches": Out(1),
                "writes": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, job, memory = self._config, self.job, self.memory
        rows = config.array.rows
        column = Signal(config.size_bits)
        row = Signal(range(max(2, rows)))
        # Where rows of C begin: the first one of the set, and those after it.
        base = Signal(config.addr_bits)
        bases = [base]
        for _ in range(rows):
            bases.append((bases[-1] + job.c_stride)[: config.addr_bits])
        bias, scale = Signal(32), Signal(32)
        x = Signal(signed(32))
        wide = job.format == 0

        m.submodules.requantise = requantise = SerialRequantise(config)
        m.d.comb += [
            requantise.x.eq(x),
            requantise.scale.eq(scale),
            requantise.binary32.eq(job.binary32),
            requantise.zero.eq(job.zero),
            requantise.lo.eq(job.low),
            requantise.hi.eq(job.high),
        ]

        # --- Addresses: all begin somewhere and go on with the column ---
        origin, along = Signal(config.addr_bits), Signal(config.addr_bits)
        word = memory.rdata.word_select(column[0], 32)
        narrow_places = column >> 3
        asks = {name: Signal(name=f"asks_{name}") for name in ("bias", "scale", "write")}
        with m.If(asks["write"]):
            m.d.comb += along.eq(Mux(wide, column >> 1, narrow_places))
            m.d.comb += origin.eq(Array(bases[:rows])[row])
        with m.Else():
            m.d.comb += along.eq(column >> 1)
            m.d.comb += origin.eq(Mux(asks["scale"], job.scale[config.word_log2 :], job.bias_addr))
        m.d.comb += [
            memory.valid.eq(asks["bias"] | asks["scale"] | asks["write"]),
            memory.write.eq(asks["write"]),
            memory.addr.eq(origin + along),
            memory.wdata.eq(Mux(wide, x.as_unsigned().replicate(2), requantise.y[:8].replicate(8))),
            memory.strobe.eq(
                Mux(wide, Const(15, 4) << (column[0] << 2), Const(1, 1) << column[:3])
            ),
            self.fetches.eq(memory.valid & ~memory.write & memory.ready),
            self.writes.eq(asks["write"] & memory.ready),
        ]

        exponent = scale[23:31]
        bad = scale[31] | (exponent == 0) | exponent.all()
        with m.If(self.start):
            m.d.sync += [column.eq(0), base.eq(job.c_addr), bias.eq(0)]
        with m.FSM():
            with m.State("WAIT"):
                m.d.sync += row.eq(0)
                with m.If(~job.column_scale):
                    m.d.sync += scale.eq(job.scale)
                with m.If(self.full):
                    m.next = "SUM"
                    with m.If(~wide & job.column_scale):
                        m.next = "SCALE"
                    with m.If(job.bias):
                        m.next = "BIAS"
            with m.State("BIAS"):
                m.d.comb += asks["bias"].eq(1)
                with m.If(memory.ready):
                    m.next = "TAKE BIAS"
            with m.State("TAKE BIAS"):
                m.d.sync += bias.eq(word)
                m.next = "SUM"
                with m.If(~wide & job.column_scale):
                    m.next = "SCALE"
            with m.State("SCALE"):
                m.d.comb += asks["scale"].eq(1)
                with m.If(memory.ready):
                    m.next = "TAKE SCALE"
            with m.State("TAKE SCALE"):
                m.d.sync += scale.eq(word)
                m.next = "SUM"
            with m.State("SUM"):
                m.d.sync += x.eq(bias - Array(self.total[n] for n in range(rows))[row])
                m.next = "BEGIN"
                with m.If(wide):
                    m.next = "WRITE"
            with m.State("BEGIN"):
                m.d.comb += requantise.start.eq(~bad)
                m.next = "REQUANTISE"
                with m.If(bad):
                    m.d.comb += [self.bad_scale.eq(1), self.done.eq(1)]
                    m.next = "WAIT"
            with m.State("REQUANTISE"):
                with m.If(requantise.done):
                    m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += asks["write"].eq(1)
                with m.If(memory.ready):
                    m.d.sync += row.eq(row + 1)
                    m.next = "SUM"
                    with m.If(row == self.rows):
                        m.d.comb += self.done.eq(1)
                        m.d.sync += column.eq(column + 1)
                        with m.If(column == job.n):
                            m.d.sync += [column.eq(0), base.eq(bases[rows])]
                        m.next = "WAIT"
        return m
