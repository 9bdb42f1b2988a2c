"""Whether a job's blocks fit the buffers, where they are fetched by rows."""

from amaranth.hdl import Cat, Mux, Signal, Value, unsigned

from ...arith.divide import ceil_div_by, is_multiple
from ...arith.product import PRODUCT_LATENCY, product
from ...config.widths import KEPT_BITS
from ..choose import choose
from ..fit import BEFORE, Fit

__all__ = ["RowFit"]


class RowFit(Fit):
    """Each block is all of its dimension or a multiple of its granule, and fits its buffer; one
    multiplier finds out for all."""

    def _judge(self, steps: Value) -> None:
        m, config, job = self._m, self._config, self._job
        odd = Signal(4)
        m.d.sync += odd.eq(Cat(*(self._is_odd(x) for x in "mnk"), job.n_block > config.n_max))

        # A product is there so many steps after its factors are chosen.
        factors = []
        for values in zip(*self._factors(), strict=True):
            factors.append(Signal(KEPT_BITS, reset_less=True))
            m.d.sync += factors[-1].eq(choose(zip(steps[BEFORE:], values, strict=False)))
        made = Signal(2 * KEPT_BITS, reset_less=True)
        beyond = Signal(3)  # A, B, C
        limits = (config.a_words, config.b_words, config.c_words)
        m.d.sync += [
            made.eq(product(m, factors[0], factors[1], "product", config.array.target)),
            beyond.eq(Cat(made > words for words in limits)),
        ]
        compared = BEFORE + PRODUCT_LATENCY + 3
        too_large = [steps[compared + n] & beyond[n] for n in range(3)]
        m.d.sync += self.misfit.eq((steps[4] & odd.any()) | Cat(too_large).any())
        small_k = Signal()
        m.d.sync += small_k.eq(~job.k[KEPT_BITS:].any())
        with m.If(steps[compared + 3]):
            m.d.sync += job.a_kept.eq(job.order & small_k & ~beyond[0])
        with m.If(steps[compared + 4]):
            m.d.sync += job.b_kept.eq(~job.order & small_k & ~beyond[1])

    def _is_odd(self, x: str):
        """Neither the whole dimension nor a multiple; two cycles after the block."""
        m, job = self._m, self._job
        block = job[f"{x}_block"]
        whole, exact = job[f"{x}_whole"], Signal(name=f"{x}_exact")
        granule = getattr(self._config, f"{x}_granule")
        m.d.sync += [whole.eq(job[x] == block), exact.eq(is_multiple(block, granule))]
        return ~whole & ~exact

    def _factors(self) -> list[tuple[Signal, Signal]]:
        """Of A's block, B's and C's; then of one block of A and of B with all of K."""
        m, config, job = self._m, self._config, self._job

        def settled(value):
            """A cycle later: blocks are steady long before their products are begun."""
            out = Signal(unsigned(KEPT_BITS), reset_less=True)
            m.d.sync += out.eq(value)
            return out

        def words(size, per_word: int):
            return settled(ceil_div_by(size, per_word))

        a_t, b_t = job.a_transposed, job.b_transposed
        all_k = job.k[:KEPT_BITS]
        m_words, n_words = words(job.m_block, config.a_word), words(job.n_block, config.b_word)
        found = []
        for k in (job.k_block, all_k):
            a_words, b_words = words(k, config.a_word), words(k, config.b_turned_word)
            found += [
                (settled(Mux(a_t, k, job.m_block)), settled(Mux(a_t, m_words, a_words))),
                (settled(Mux(b_t, job.n_block, k)), settled(Mux(b_t, b_words, n_words))),
            ]
        c_words = words(job.n_block, config.array.cols)
        return [*found[:2], (job.m_block, c_words), *found[2:]]
