"""Where matrices end in memory, and whether C would overwrite what is still to be read.

What is refused is said once more, in Python, by :func:`insitu.program.spans.spans_fit`.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.product import PRODUCT_LATENCY, product
from ..config.machine import MachineConfig
from ..contract.job import job_layout
from .choose import choose
from .finishing import finishing
from .residency import residency

__all__ = ["Extents"]

PART = 16  # bits of a factor
SLICE = 8  # bits that are compared at once


class Extents(wiring.Component):
    """Checks a job's spans: from the first byte of a matrix to its last, over the whole batch.

    A job is bad if a span leaves the address space, if that of C meets that of A, B, bias or
    scales, or that of a D that is not C itself. A D that is C is read and written row by row, so
    rows of C must then lie apart: either all rows of a matrix before those of the next one, or a
    row of every matrix before the next row. Works while the job is already under way; takes
    ``LATENCY`` cycles.

    A span ends at address + bytes of a row + (rows - 1) · stride + (batch - 1) · step: eight
    products of 16 by 16 bits. Each span is chosen for ten cycles, and what is made of it follows
    some cycles after, just as long. So nothing needs an enable.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    job : In(job_layout)
        Constant from some cycles before ``start`` until ``done``.
    start : In(1)
    done, bad : Out(1)
        For one cycle; ``bad`` with ``done`` only. From registers.
    """

    PERIOD = 10
    SPANS = 6
    LATENCY = (SPANS + 1) * PERIOD + 1

    def __init__(self, config: MachineConfig):
        self._config = config
        super().__init__(
            {"job": In(job_layout(config)), "start": In(1), "done": Out(1), "bad": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        # C comes first, as all others are held against it; then A, B, D, biases, scales, and the
        # time in which the end of the last one is found.
        span, phase = Signal(self.SPANS + 1), Signal(self.PERIOD)
        m.d.sync += phase.eq(Cat(self.start | (phase[-1] & ~span[-1]), phase))
        with m.If(self.start):
            m.d.sync += span.eq(1)
        with m.Elif(phase[-1]):
            m.d.sync += span.eq(span << 1)

        same = self._same(m)
        start, size, used, base, base_beyond = self._base(m, span, same)
        term, term_beyond, several = self._terms(m, span, phase)
        laps = self._laps(m, span, phase, size, term, several)
        overwrites = Signal()
        m.d.sync += overwrites.eq(self.job.addend & same & laps)

        # Phase 8 to phase 6 of the next span, whose phases these are.
        bits = config.addr_bits + 1
        total = Signal(bits, reset_less=True)
        m.d.sync += total.eq(Mux(phase[8], base, total) + term)
        # What lies beyond the address space stays noted. The total is looked at before it can grow
        # any further.
        over, beyond, leaves = Signal(), Signal(), Signal()
        m.d.sync += [
            over.eq(total[-1] & total[:-1].any()),
            beyond.eq(term_beyond),
            leaves.eq(Mux(phase[9], base_beyond, leaves | over | beyond)),
        ]

        # Known in phase 9, but for `before`, which is kept as the next span begins.
        c_start, c_end = Signal.like(start), Signal.like(total)
        before, was_before, behind, was_used = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [before.eq(start < c_end), behind.eq(c_start < total)]
        with m.If(phase[0]):
            m.d.sync += [was_before.eq(before), was_used.eq(used)]
        with m.If(phase[9] & span[0]):
            m.d.sync += c_start.eq(start)
        with m.If(phase[8] & span[1]):
            m.d.sync += c_end.eq(total)
        meets = was_before & behind & ~span[1]
        wrong, fails = Signal(), Signal()
        m.d.comb += fails.eq(wrong | (was_used & (leaves | meets)))
        with m.If(phase[9]):
            m.d.sync += wrong.eq(fails & ~span[0])
        m.d.sync += [
            self.done.eq(phase[9] & span[-1]),
            self.bad.eq(phase[9] & span[-1] & (fails | overwrites)),
        ]
        return m

    def _laps(self, m: Module, span, phase, size, term, several):
        """Whether rows of C may lie on one another; settled from the third span on.

        ``several``: C has more than one row, more than one matrix. With rows of ``size`` bytes they
        lie apart if stride >= size and step >= size + (rows - 1) * stride, or the same with stride
        and step, rows and matrices exchanged; where there is one of either, that needs no look.
        """
        job, bits = self.job, self._config.addr_bits
        # The size alone, twice; then with the four terms of the rows; then with those of the batch.
        # Between the terms of two spans there are none: `term` is 0 in phases 7 and 8. A sum that
        # leaves the address space does not matter, as then the span of C does.
        row, reach = Signal.like(size, reset_less=True), Signal(bits, reset_less=True)
        m.d.sync += [
            row.eq(size),
            reach.eq(Mux(Cat(phase[3], phase[7]).any(), row, reach) + term),
        ]
        # Compared with the stride in phases 8 and 7 of the next span, with the step in 9 and 3.
        room, beyond = Signal(32, reset_less=True), Signal()
        m.d.sync += [
            room.eq(Mux(phase[6:8].any(), job.c_stride, job.c_batch)),
            beyond.eq(reach > room),
        ]
        row_beyond, row_beyond_step, rows_beyond, batch_beyond = (
            Signal(name=name)
            for name in ("row_beyond", "row_beyond_step", "rows_beyond", "batch_beyond")
        )
        rows, batch = Signal(name="several_rows"), Signal(name="several_matrices")
        for found, when, value in (
            (row_beyond, phase[9] & span[0], beyond),
            (row_beyond_step, phase[0] & span[1], beyond),
            (rows_beyond, phase[4] & span[1], beyond),
            (batch_beyond, phase[8] & span[1], beyond),
            (rows, phase[8] & span[0], several[0]),
            (batch, phase[8] & span[0], several[1]),
        ):
            with m.If(when):
                m.d.sync += found.eq(value)
        return ((rows & row_beyond) | (batch & rows_beyond)) & (
            (batch & row_beyond_step) | (rows & batch_beyond)
        )

    def _same(self, m: Module):
        """Whether D is C; some cycles late."""
        job = self.job

        def equal(x, y):
            bits = range(0, len(x), SLICE)
            found = Signal(len(bits))
            m.d.sync += found.eq(Cat(x[n : n + SLICE] == y[n : n + SLICE] for n in bits))
            return found.all()

        single, wide = equal(job.batch, Const(1, 32)), job.format == 0
        alike = [
            equal(job.c_addr, job.d_addr),
            equal(job.c_stride, job.d_stride),
            equal(job.c_batch, job.d_batch) | single,
            wide,
        ]
        parts, same = Signal(len(alike)), Signal()
        m.d.sync += [parts.eq(Cat(alike)), same.eq(parts.all())]
        return same

    def _elements(self, m: Module, of_m, of_n, of_k, name: str):
        """M, N or K, two cycles after the span."""
        chosen, out = Signal(3, name=f"{name}_is"), Signal(32, name=name, reset_less=True)
        m.d.sync += [
            chosen.eq(Cat(of_m, of_n, of_k)),
            out.eq(choose(zip(chosen, (self.job.m, self.job.n, self.job.k), strict=True))),
        ]
        return out

    def _base(self, m: Module, span, same):
        """Of a span: its start, bytes of a row, whether it is used; where its first row ends, and
        whether that is beyond.

        Two, three and four cycles after the span.
        """
        config, array, job = self._config, self._config.array, self.job
        c, a, b, d, bias, scale = span[: self.SPANS]
        a_t, b_t = job.a_transposed, job.b_transposed
        finish = finishing(config)
        larger = {size: finish.is_size(job, name) for name, size in finish.sizes.items()}
        of_n = c | (b & ~b_t) | d | bias | scale
        along = self._elements(m, a & a_t, of_n, (a & ~a_t) | (b & b_t), "along")
        units: dict[int, list] = {}
        wide, small, halves = larger[4], ~larger[4], []
        for size in list(larger)[1:]:
            halves.append((c & larger[size], 8 * size))
            small &= ~larger[size]
        for is_it, bits in (
            (d | bias | scale | (c & wide), 32),
            *halves,
            (c & small, 8),
            (a, array.a.bits),
            (b, array.b.bits),
        ):
            units.setdefault(bits, []).append(is_it)
        is_unit = [Signal(len(units), name=f"is_unit_{n}") for n in range(2)]
        m.d.sync += [
            is_unit[0].eq(Cat(Cat(any_).any() for any_ in units.values())),
            is_unit[1].eq(is_unit[0]),
        ]
        size = Signal(34, reset_less=True)
        lengths = [(along * bits + 7) >> 3 for bits in units]
        m.d.sync += size.eq(choose(zip(is_unit[1], lengths, strict=True)))

        late, used = Signal(self.SPANS), Signal(2)
        start = Signal(config.addr_bits, reset_less=True)
        b_used = residency(config).fetched(job, b)
        uses = c | a | b_used | (d & job.addend & ~same) | (bias & job.bias)
        addresses = (job.c_addr, job.a_addr, job.b_addr, job.d_addr, job.bias_addr, job.scale_addr)
        m.d.sync += [
            late.eq(span),
            start.eq(choose(zip(late, addresses, strict=True))),
            used.eq(Cat(uses | (scale & job.column_scale & ~wide), used)),
        ]
        bits = config.addr_bits
        base, beyond = Signal(bits + 1, reset_less=True), Signal()
        m.d.sync += [base.eq(start + size[:bits]), beyond.eq(size[bits:].any())]
        return start, size, used[-1], base, beyond

    def _terms(self, m: Module, span, phase):
        """Eight products: (rows - 1) · stride and (batch - 1) · step, in phases 9 to 16.

        The product, or what of it lies in the address space, and whether something lies beyond;
        whether there are several rows, and matrices, some cycles after the span.
        """
        config, job = self._config, self.job
        c, a, b, d = span[:4]
        a_t, b_t = job.a_transposed, job.b_transposed
        rows = self._elements(m, c | (a & ~a_t) | d, b & b_t, (a & a_t) | (b & ~b_t), "rows")
        rows_less, count_less = (
            Signal(32, name=name, reset_less=True) for name in ("rows_less", "count_less")
        )
        m.d.sync += [rows_less.eq(rows - 1), count_less.eq(job.batch - 1)]
        apart = []
        for name in ("stride", "batch"):
            # Vectors have neither, so that their products are 0.
            late = Signal(4, name=f"is_{name}", attrs={"own_register": 1})
            value = Signal(32, name=name, reset_less=True)
            options = [job[f"{x}_{name}"] for x in "cabd"]
            m.d.sync += [late.eq(span[:4]), value.eq(choose(zip(late, options, strict=True)))]
            apart.append(value)

        # From phase 3 to phase 0 a part of each factor is chosen, by a register for each part.
        pairs = [(rows_less, apart[0]), (count_less, apart[1])]
        order = [(pair, low, high) for pair in range(2) for low in range(2) for high in range(2)]
        factors = []
        for side in range(2):
            options = []
            for pair in range(2):
                for half in range(2):
                    when = [n for n, x in enumerate(order) if (x[0], x[1 + side]) == (pair, half)]
                    chosen = Signal(name=f"part_{side}_{pair}_{half}")
                    m.d.sync += chosen.eq(Cat(phase[2 + n] for n in when).any())
                    options.append((chosen, pairs[pair][side].word_select(half, PART)))
            factors.append(Signal(PART, name=f"factor_{side}", reset_less=True))
            m.d.sync += factors[-1].eq(choose(options))
        # A register after the multiplier, as it is far away.
        partial = Signal(2 * PART, reset_less=True)
        m.d.sync += partial.eq(product(m, factors[0], factors[1], "product", config.array.target))

        # Its place, when the partial product is there.
        shifted = []
        for place in range(3):
            when = [n for n, (_, low, high) in enumerate(order) if low + high == place]
            late = Signal(PRODUCT_LATENCY + 3, name=f"place_{place}")
            m.d.sync += late.eq(Cat(Cat(phase[2 + n] for n in when).any(), late))
            shifted.append((late[-1], partial << PART * place))
        bits = config.addr_bits
        whole = Signal(4 * PART)
        term, beyond = Signal(bits, reset_less=True), Signal()
        m.d.comb += whole.eq(choose(shifted))
        m.d.sync += [term.eq(whole), beyond.eq(whole[bits:].any())]
        several = Signal(2)
        m.d.sync += several.eq(Cat(rows_less.any(), count_less.any()))
        return term, beyond, several
