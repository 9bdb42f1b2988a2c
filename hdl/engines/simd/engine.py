"""Lanes between what is fetched for each k and the sums of a block of C."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring

from ...arith.divide import ceil_div_by, scaled
from ...config import MachineConfig
from ...config.widths import BLOCK_BITS
from ...contract.engine import APART, LATE, EnginePort, place_layout
from ...contract.job import of_job
from ...stream import Delay, ReservedQueue
from ..blocks import block_events
from .gather import Gather
from .lanes import Lanes

__all__ = ["SimdEngine"]


class SimdEngine(wiring.Component):
    """Computes block after block of C in registers; see :class:`.EnginePort`.

    Of each k of a step, m activations and the vectors of n weights come; each pair of them takes a
    cycle, row by row. A k begins when all of it is here, and follows the one before without a gap.
    After the step's last k each register has left as a row of sums; a step waits two cycles after
    the one before it, at least, and so long that its rows are ``APART`` cycles after those that
    they are added to.

    Parameters
    ----------
    config : MachineConfig
        Around a :class:`~insitu.hdl.config.SimdConfig`.
    """

    def __init__(self, config: MachineConfig):
        self._config, self._lanes = config, config.array
        self.counted = block_events(config)
        super().__init__(EnginePort(config, self.counted))

    def elaborate(self, platform):
        m = Module()
        config, lanes = self._config, self._lanes
        jobs = Signal(self.jobs.shape(), reset_less=True)  # a copy, as those are far away
        m.d.sync += jobs.eq(self.jobs)

        # --- Operands: a word of each per k ---
        queues, gathers = {}, {}
        for x, bits, given in (
            ("a", lanes.a.bits, lanes.rm),
            ("b", lanes.b.bits, lanes.tile_cols),
        ):
            words = getattr(self, x)
            m.submodules[f"gather_{x}"] = gather = Gather(config, bits, given)
            word = data.ArrayLayout(bits, given)
            m.submodules[f"queue_{x}"] = queue = ReservedQueue(word, config.a_words)
            m.d.comb += [
                words.ready.eq(1),
                gather.valid.eq(words.valid),
                gather.i.eq(words.payload),
                gather.pad.eq(of_job(jobs, words.payload.tag.slot, f"{x}_zero")),
                queue.write.eq(gather.write),
                queue.word.eq(gather.word),
            ]
            queues[x], gathers[x] = queue.o, gather
        a, b = queues["a"], queues["b"]

        # --- The step under way ---
        step = self.steps.payload
        n_bits = config.n_max.bit_length()
        words = Signal(range(lanes.rn + 1))
        m.d.comb += words.eq(ceil_div_by(step.n[:n_bits], lanes.cols))
        active, rest = Signal(), Signal(range(APART))
        layout = data.StructLayout(
            {
                "slot": 1,
                "first": 1,
                "begins": 1,  # its sums do not begin at what is in the buffer
                "last": 1,
                "rows": range(lanes.rm),  # less one, as the vectors of a row
                "words": range(lanes.rn),
                "tail": range(lanes.cols + 1),  # columns of the last vector
            }
        )
        now = Signal(layout, reset_less=True)
        left = Signal(BLOCK_BITS, reset_less=True)  # k that are still to come, this one included
        is_first, is_last = Signal(reset_less=True), Signal(reset_less=True)  # k
        gate = ~step.first | (self.has_room & (~step.addend | self.has_d))
        offered, starts = Signal(), Signal()
        m.d.comb += [
            offered.eq(self.steps.valid & ~active & (step.first | (rest == 0))),
            starts.eq(offered & gate),
            self.steps.ready.eq(starts),
        ]
        m.d.sync += [self.begin.eq(starts & step.first), self.addend.eq(step.addend)]

        # --- Pairs: vector by vector, row by row ---
        row, vector, at = (
            Signal(range(max(2, size)), name=name, reset_less=True)
            for name, size in (
                ("row", lanes.rm), ("vector", lanes.rn), ("at", lanes.rm * lanes.rn)
            )
        )  # fmt: skip
        issues, row_ends, k_ends = Signal(), Signal(), Signal()
        m.d.comb += [
            issues.eq(active & a.valid & b.valid),
            row_ends.eq(vector == now.words),
            k_ends.eq(issues & row_ends & (row == now.rows)),
            a.ready.eq(k_ends),
            b.ready.eq(k_ends),
        ]
        m.d.sync += self.frees.eq(k_ends)
        with m.If(rest != 0):
            m.d.sync += rest.eq(rest - 1)
        with m.If(issues):
            m.d.sync += [vector.eq(Mux(row_ends, 0, vector + 1)), at.eq(at + 1)]
            with m.If(row_ends):
                m.d.sync += row.eq(row + 1)
        with m.If(k_ends):
            m.d.sync += [row.eq(0), at.eq(0)]
            m.d.sync += [left.eq(left - 1), is_first.eq(0), is_last.eq(left == 2)]
            with m.If(is_last):
                m.d.sync += [active.eq(0), rest.eq(APART - 2)]
        with m.If(starts):
            m.d.sync += [
                active.eq(1),
                row.eq(0),
                vector.eq(0),
                at.eq(0),
                left.eq(step.k),
                is_first.eq(1),
                is_last.eq(step.k == 1),
                now.slot.eq(step.slot),
                now.begins.eq(step.first & ~step.addend),
                now.last.eq(step.last),
                now.rows.eq(step.m - 1),
                now.words.eq(words - 1),
                now.tail.eq(step.n - scaled(words - 1, lanes.cols)[: n_bits + 1]),
            ]

        # --- Lanes ---
        m.submodules.lanes = core = Lanes(lanes)
        issue = core.i
        m.d.comb += [
            core.valid.eq(issues),
            issue.a.eq(a.payload[row]),
            issue.b.eq(b.payload.as_value().word_select(vector, lanes.cols * lanes.b.bits)),
            issue.at.eq(at),
            issue.first.eq(is_first),
            issue.last.eq(is_last),
        ]
        for x in "ab":
            m.d.comb += [
                issue[f"{x}_zero"].eq(of_job(jobs, now.slot, f"{x}_zero")),
                issue[f"{x}_signed"].eq(of_job(jobs, now.slot, f"{x}_signed")),
            ]
        place = Signal(place_layout(config))
        m.d.comb += [
            place.addr.eq(at),
            place.first.eq(now.begins),
            place.slot.eq(now.slot),
            place.end.eq(k_ends & now.last),
        ]
        m.submodules.places = late = Delay(place.shape().size, lanes.sums_latency)
        m.submodules.sums = sums = Delay(core.o.shape(), LATE)
        m.d.comb += [
            late.i.eq(place),
            self.rows.place.eq(late.o),
            self.rows.valid.eq(core.o_valid),
            sums.i.eq(core.o),
            self.rows.c.eq(sums.o),
        ]

        # --- Counted ---
        columns = Mux(row_ends, now.tail, lanes.cols)
        m.submodules.counted = counted = Delay(1, lanes.count_latency)
        m.d.comb += [
            counted.i.eq(now.slot),
            self.events.nonzero_macs.amount.eq(core.nonzero),
            self.events.nonzero_macs.slot.eq(counted.o),
        ]
        for name, amount, slot in (
            ("busy", issues, now.slot),
            ("macs", Mux(issues, columns, 0), now.slot),
            ("wait_a", active & ~a.valid, now.slot),
            ("wait_b", active & ~b.valid, now.slot),
            ("wait_sums", offered & ~gate, step.slot),
            ("a_written", gathers["a"].write, gathers["a"].slot),
            ("b_written", gathers["b"].write, gathers["b"].slot),
            ("a_read", k_ends, now.slot),
            ("b_read", k_ends, now.slot),
        ):
            event = self.events[name]
            m.d.sync += [event.amount.eq(amount), event.slot.eq(slot)]
        return m
