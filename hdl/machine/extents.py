"""Where matrices end in memory, and whether C would overwrite what is still to be read."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.product import PRODUCT_LATENCY, product
from ..config.machine import MachineConfig
from .job import job_layout

__all__ = ["Extents"]

WIDE = 67  # two products of 32 by 32 bits, an address and a row


class Extents(wiring.Component):
    """Checks a job's spans: from the first byte of a matrix to its last, over the whole batch.

    A job is bad if a span leaves the address space, if that of C meets that of A, B, bias or
    scales, or that of a D that is not C itself. Works while the job is already under way; takes
    ``LATENCY`` cycles.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    job : In(job_layout)
        Constant from ``start`` until ``done``.
    start : In(1)
    done, bad : Out(1)
        For one cycle; ``bad`` with ``done`` only.
    """

    PHASES = 17
    LATENCY = 6 * PHASES + 1

    def __init__(self, config: MachineConfig):
        self._config = config
        super().__init__(
            {"job": In(job_layout(config)), "start": In(1), "done": Out(1), "bad": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        config, array, job = self._config, self._config.array, self.job

        def row_bytes(elements, bits: int):
            return (elements * bits + 7) >> 3

        wide = job.format == 0
        a_rows, a_along = Mux(job.a_transposed, job.k, job.m), Mux(job.a_transposed, job.m, job.k)
        b_rows, b_along = Mux(job.b_transposed, job.n, job.k), Mux(job.b_transposed, job.k, job.n)
        # D is C; two cycles late, as the job is constant.
        alike, same = Signal(4), Signal()
        m.d.sync += [
            alike[0].eq(job.c_addr == job.d_addr),
            alike[1].eq(job.c_stride == job.d_stride),
            alike[2].eq((job.c_batch == job.d_batch) | (job.batch == 1)),
            alike[3].eq(wide),
            same.eq(alike.all()),
        ]
        vector = row_bytes(job.n, 32)
        # C first, as all others are held against it.
        spans = [
            (1, job.c_addr, job.m, job.c_stride, job.c_batch, Mux(wide, job.n << 2, job.n)),
            (1, job.a_addr, a_rows, job.a_stride, job.a_batch, row_bytes(a_along, array.a.bits)),
            (1, job.b_addr, b_rows, job.b_stride, job.b_batch, row_bytes(b_along, array.b.bits)),
            (job.addend & ~same, job.d_addr, job.m, job.d_stride, job.d_batch, vector),
            (job.bias, job.bias_addr, 1, 0, 0, vector),
            (job.column_scale & ~wide, job.scale_addr, 1, 0, 0, vector),
        ]

        number, phase = Signal(range(len(spans))), Signal(range(self.PHASES))
        busy, wrong = Signal(), Signal()
        used = Signal(reset_less=True)
        start = Signal(config.addr_bits, reset_less=True)
        rows, stride = Signal(32, reset_less=True), Signal(32, reset_less=True)
        count, step = Signal(32, reset_less=True), Signal(32, reset_less=True)
        size = Signal(34, reset_less=True)  # bytes of a row
        end = Signal(WIDE, reset_less=True)
        c_start, c_end = Signal.like(start), Signal(WIDE, reset_less=True)

        # Eight products of 16 by 16 bits: (rows - 1) · stride and (count - 1) · step.
        # A register before the multiplier and one behind it, as it is far away.
        latency = PRODUCT_LATENCY + 2
        places = [Signal(2, name=f"place_{n}") for n in range(latency)]
        valid = Signal(latency)
        part = (phase - 2)[:3]
        pairs = [(rows, stride), (count, step)]
        choices_x, choices_y, choices_place = [], [], []
        for left, right in pairs:
            for low in range(2):
                for high in range(2):
                    choices_x.append(left[16 * low : 16 * low + 16])
                    choices_y.append(right[16 * high : 16 * high + 16])
                    choices_place.append(Const(low + high, 2))
        m.d.sync += [
            valid.eq(Cat((phase >= 2) & (phase <= 9), valid)),
            Cat(places).eq(Cat(Array(choices_place)[part], places)),
        ]
        x, y = Signal(16, reset_less=True), Signal(16, reset_less=True)
        partial = Signal(32, reset_less=True)
        m.d.sync += [
            x.eq(Array(choices_x)[part]),
            y.eq(Array(choices_y)[part]),
            partial.eq(product(m, x, y, "product", array.target)),
        ]
        with m.If(valid[-1]):
            with m.Switch(places[-1]):
                for place in range(3):
                    with m.Case(place):
                        m.d.sync += end.eq(end + (partial << 16 * place))

        last = number == len(spans) - 1
        with m.If(busy):
            m.d.sync += phase.eq(Mux(phase == self.PHASES - 1, 0, phase + 1))
        with m.If(busy & (phase == 0)):
            with m.Switch(number):
                for n, (is_used, addr, n_rows, n_stride, n_step, length) in enumerate(spans):
                    with m.Case(n):
                        m.d.sync += [
                            used.eq(is_used),
                            start.eq(addr),
                            rows.eq(n_rows),
                            stride.eq(n_stride),
                            count.eq(job.batch),
                            step.eq(n_step),
                            size.eq(length),
                        ]
        with m.If(busy & (phase == 1)):
            m.d.sync += [end.eq(start + size), rows.eq(rows - 1), count.eq(count - 1)]
        is_c = number == 0
        # The end is known in the last phase but one.
        before, behind, leaves = Signal(), Signal(), Signal()
        m.d.sync += [
            before.eq(start < c_end),
            behind.eq(c_start < end),
            leaves.eq(end > (1 << config.addr_bits)),
        ]
        meets = before & behind
        fails = Signal()
        with m.If(busy & (phase == self.PHASES - 1)):
            m.d.comb += fails.eq(used & (leaves | (~is_c & meets)))
            m.d.sync += [number.eq(Mux(last, 0, number + 1)), wrong.eq(wrong | fails)]
            with m.If(is_c):
                m.d.sync += [c_start.eq(start), c_end.eq(end)]
            with m.If(last):
                m.d.comb += [self.done.eq(1), self.bad.eq(wrong | fails)]
                m.d.sync += [busy.eq(0), wrong.eq(0)]
        with m.If(self.start):
            m.d.sync += busy.eq(1)
        return m
