"""The best loop order and block sizes for a descriptor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import MachineConfig

from .blocks import blocks_of
from .descriptor import Descriptor

__all__ = ["Models", "Plan", "plan", "planned"]

Ints = NDArray[np.int64]

START = 150  # cycles from a doorbell to the first word, and from the last result to the completion
STEP = 18  # cycles in which a step's records and the first row of each of its blocks are made
BLOCK = 10  # cycles between the last row of a block of C and the first of the next
LATENCY = 42  # cycles for which a burst is under way on the reference memory, at least
NEAR = 1.002  # plans within this factor of the fewest cycles differ by less than the estimate does


@dataclass(frozen=True)
class Plan:
    """Choice of a descriptor's ``order`` and blocks.

    ``words``: bus words that it moves; ``cycles``: estimated, see :func:`plan`.
    """

    order: int
    m_block: int
    n_block: int
    k_block: int
    words: int
    cycles: float


def _sizes(size: int, granule: int, most: int, fine: bool) -> list[int]:
    """Block sizes worth a try: the whole, or twos of the granule, whose rows never cross a page;
    if ``fine``, all up to 16 granules."""
    found = {granule << n for n in range(most.bit_length()) if granule << n <= most}
    if fine:
        found |= {x for n in range(1, 17) if (x := n * granule) <= most}
    return sorted({min(size, x) for x in found} | ({size} if size <= most else set()))


def _up(value: Any, step: Any) -> Any:
    return -(-value // step)


def _candidates(config: MachineConfig, job: Descriptor, fine: bool) -> tuple[Ints, ...]:
    """All legal choices: order, m, n, k, and whether A and B are kept."""
    most = 1 << 12
    m, n, k = (
        np.array(_sizes(size, granule, limit, fine), np.int64)
        for size, granule, limit in (
            (job.m, config.m_granule, config.c_words),
            (job.n, config.n_granule, config.n_max),
            (job.k, config.k_granule, most),
        )
    )
    order, m, n, k = (x.ravel() for x in np.meshgrid(np.arange(2), m, n, k, indexing="ij"))
    a_words = _a_words(config, job, m, k)
    b_words = _b_words(config, job, n, k)
    legal = (
        (a_words <= config.a_words)
        & (b_words <= config.b_words)
        & (m * _up(n, config.array.cols) <= config.c_words)
        & (n <= config.n_max)
    )
    order, m, n, k = (x[legal] for x in (order, m, n, k))
    small = job.k < 1 << 16
    a_kept = (order == 1) & (_a_words(config, job, m, job.k) <= config.a_words) & small
    b_kept = (order == 0) & (_b_words(config, job, n, job.k) <= config.b_words) & small
    if config.array.banks:
        b_kept = np.full(len(order), blocks_of(config, job).b_kept)
    return order, m, n, k, a_kept, b_kept


def _a_words(config: MachineConfig, job: Descriptor, m: Any, k: Any) -> Ints:
    return k * _up(m, config.a_word) if job.a_transposed else m * _up(k, config.a_word)


def _b_words(config: MachineConfig, job: Descriptor, n: Any, k: Any) -> Ints:
    return n * _up(k, config.b_turned_word) if job.b_transposed else k * _up(n, config.b_word)


def _along(size: int, block: Ints, per_beat: int) -> Ints:
    """Bus words of a row of ``size`` elements, cut into blocks."""
    whole, rest = size // block, size % block
    return whole * _up(block, per_beat) + _up(rest, per_beat)


@dataclass(frozen=True)
class _Moved:
    """Rows of blocks that cross the bus, and their words: of one matrix each."""

    rows: Any
    words: Any

    def cycles(self, config: MachineConfig) -> Ints:
        """At least: a short row holds one of the bursts under way for the memory's latency."""
        return np.maximum(self.words, self.rows * (LATENCY / config.outstanding))


def _moved(
    config: MachineConfig, job: Descriptor, order: Ints, m: Ints, n: Ints, k: Ints, a_kept: Ints,
    b_kept: Ints,
) -> dict[str, _Moved]:  # fmt: skip
    """What each matrix moves, by name."""
    m_count, n_count = _up(job.m, m), _up(job.n, n)
    a_rows, a_size, a_block = (job.k, job.m, m) if job.a_transposed else (job.m, job.k, k)
    b_rows, b_size, b_block = (job.n, job.k, k) if job.b_transposed else (job.k, job.n, n)
    per_word = config.bus_bits // 32
    vectors = int(job.has_bias) + int(job.column_scale and not job.wide)
    elements = config.bus_bytes // job.c_bytes

    def of(rows: Any, size: int, block: Ints, per_beat: int) -> _Moved:
        return _Moved(rows * _up(size, block), rows * _along(size, block, per_beat))

    return {
        "a": of(a_rows * np.where(a_kept, 1, n_count), a_size, a_block, config.a_per_beat),
        "b": of(
            int(job.load_b) * b_rows * np.where(b_kept, 1, m_count),
            b_size,
            b_block,
            config.b_per_beat,
        ),
        "d": of(job.m * job.addend, job.n, n, per_word),
        "columns": of(vectors * np.where(order == 1, m_count, 1), job.n, n, per_word),
        "c": of(job.m, job.n, n, elements),
    }


def _compute(config: MachineConfig, job: Descriptor, m: Ints, n: Ints, k: Ints) -> Ints:
    """Cycles in which the array is busy or waits for itself. Of one matrix."""
    array = config.array

    def over(size: int, block: Ints, of: Callable[[Ints], Any]) -> Any:
        """Sum over the blocks along a dimension of a function of their sizes."""
        whole, rest = size // block, size % block
        return whole * of(block) + np.where(rest > 0, of(np.maximum(rest, 1)), 0)

    n_tiles = over(job.n, n, lambda x: _up(x, array.cols))
    if array.flow == "ws":
        k_tiles = over(job.k, k, lambda x: _up(x, array.k_per_tile))
        vector = array.vector_cycles
        # A tile of B that is resident is loaded once; of one in an array rows come each time.
        rows = 0 if array.banks and blocks_of(config, job).b_kept else array.rows
        return n_tiles * k_tiles * over(job.m, m, lambda x: np.maximum(vector * x, rows))
    m_tiles = over(job.m, m, lambda x: _up(x, array.rows))
    beats = over(job.k, k, lambda x: np.maximum(_up(x, array.dot), array.rows))
    return m_tiles * n_tiles * beats


class Models(Protocol):
    """What knows exactly what a descriptor takes; :mod:`insitu.sim_models.exact` is one."""

    def cycles(self, config: MachineConfig, jobs: Sequence[Descriptor]) -> list[int]:
        """Of each of ``jobs``, alone."""

    def words(self, config: MachineConfig, job: Descriptor) -> int:
        """Bus words that it moves."""

    def busy(self, config: MachineConfig, job: Descriptor) -> int:
        """Cycles in which its engine computes."""

    def energy(
        self, config: MachineConfig, jobs: Sequence[Descriptor], counters: Mapping[str, int]
    ) -> dict[str, tuple[float, float, float]]:
        """Least, likely and most pJ by process and memory of ``jobs``, whose counters add up to
        ``counters``, or to what is known without data if that is empty; ``UserError`` if there is
        no figure for it."""


def plan(
    config: MachineConfig,
    job: Descriptor,
    *,
    goal: str = "cycles",
    tries: int = 1,
    models: Models | None = None,
) -> Plan:
    """The best order and blocks of ``job``, whatever it says itself.

    Parameters
    ----------
    config : MachineConfig
    job : Descriptor
    goal : "cycles" or "words"
        Fewest cycles by an estimate, and of those that are as good the fewest bus words; or the
        fewest bus words, and of those the fewest cycles.
    tries : int
        With more than 1 so many of those that are best by the estimate are tried, and so many of
        finer sizes, with the cycles of the exact timing model; this does not matter for large jobs
        and gives up to 6 % for small ones. Addresses of ``job`` count then. Not without ``models``.
    models : Models
        Where operands are fetched by element, words and cycles are not known without them.

    Returns
    -------
    Plan
        ``cycles`` are the longest of what array, reads, writes and finishing take, and what cannot
        be hidden: the first loads, the last block's way out, and loads for which there is no room.
    """
    if goal not in ("cycles", "words"):
        raise ValueError(f"goal must be cycles or words, not {goal!r}")
    if config.array.addressing.by_element:
        return _by_element(config, job, goal, tries, models)
    order, m, n, k, a_kept, b_kept = _candidates(config, job, tries > 1)
    moved = _moved(config, job, order, m, n, k, a_kept, b_kept)
    lanes = config.lanes
    compute = _compute(config, job, m, n, k)
    a_words, b_words = _a_words(config, job, m, k), _b_words(config, job, n, k)
    # Loads for which there is no room while what was loaded before is in use: of a panel that is
    # kept they have the time of the last blocks that need it.
    m_count, n_count, k_count = _up(job.m, m), _up(job.n, n), _up(job.k, k)
    steps = m_count * n_count * k_count
    reads = {x: moved[x].cycles(config) for x in ("a", "b", "d", "columns")}
    stalls = np.zeros(len(order))
    for x, y, kept, block, panel, room, count in (
        ("a", "b", a_kept, a_words, _a_words(config, job, m, job.k), config.a_words, m_count),
        ("b", "a", b_kept, b_words, _b_words(config, job, n, job.k), config.b_words, n_count),
    ):
        if x == "b" and config.array.banks:
            kept = np.zeros_like(kept)  # elsewhere
        rest = np.clip((2 * block - room) / block, 0, 1) * reads[x]
        once = (compute - reads[y]) / (m_count * n_count)
        late = count * np.maximum(0, reads[x] / count - once)
        stalls += np.where(kept, np.where(2 * panel > room, late, 0), rest)
    asked = np.maximum(sum(reads.values()), STEP * steps)
    finish = job.m * _along(job.n, n, lanes)
    writes = moved["c"].cycles(config) + BLOCK * m_count * n_count
    busiest = np.maximum.reduce([compute, asked, writes, finish + BLOCK * m_count * n_count])
    first = a_words * config.a_word // config.a_per_beat + LATENCY
    alone = START + first + m * _up(n, lanes)
    cycles = job.batch * (busiest + stalls) + alone
    words = job.batch * sum(x.words for x in moved.values())
    if goal == "words":
        best = np.lexsort((asked, cycles, words))[0]
    else:
        near = cycles <= cycles.min() * NEAR
        best = np.flatnonzero(near)[np.lexsort((asked[near], words[near]))[0]]

    def of(n_th: int) -> Plan:
        o, x, y, z, w = (int(v[n_th]) for v in (order, m, n, k, words))
        return Plan(o, x, y, z, w, float(cycles[n_th]))

    if tries <= 1 or models is None:
        return of(best)
    ranked = np.lexsort((cycles, words) if goal == "words" else (words, cycles))
    coarse = ranked[[_is_coarse(config, job, of(x)) for x in ranked]]
    tried = [of(x) for x in dict.fromkeys((best, *ranked[:tries], *coarse[:tries]))]
    exact = models.cycles(config, [_with(job, x) for x in tried])
    return min(
        (replace(x, cycles=float(count)) for x, count in zip(tried, exact, strict=True)),
        key=lambda x: (x.words, x.cycles) if goal == "words" else (x.cycles, x.words),
    )


def _by_element(
    config: MachineConfig, job: Descriptor, goal: str, tries: int, models: Models | None
) -> Plan:
    """Where operands are fetched by element nothing is kept: the blocks that the machine takes, and
    the order in which biases and scales are loaded once, or with ``tries`` the better one."""
    m, n, k = config.default_blocks
    accesses = (1 if job.a_transposed else m) + (n if job.b_transposed else 1)
    steps = _up(job.m, m) * _up(job.n, n) * _up(job.k, k)
    found = []
    for order in range(2 if tries > 1 else 1):
        choice = Plan(order, min(job.m, m), min(job.n, n), min(job.k, k), 0, 0.0)
        if models is None:
            return choice
        words = models.words(config, _with(job, choice))
        busy = models.busy(config, _with(job, choice))
        loads = _up(job.m, m) * _up(job.n, n) * job.k * accesses * LATENCY / config.outstanding
        cycles = START + job.batch * (max(loads, busy / job.batch) + STEP * steps)
        if tries > 1:
            cycles = models.cycles(config, [_with(job, choice)])[0]
        found.append(replace(choice, words=words, cycles=float(cycles)))
    return min(found, key=lambda x: (x.words, x.cycles) if goal == "words" else (x.cycles, x.words))


def _is_coarse(config: MachineConfig, job: Descriptor, choice: Plan) -> bool:
    """Whether each block is one that is tried for large jobs as well."""
    return all(
        block == size or (block // granule).bit_count() == 1
        for block, size, granule in (
            (choice.m_block, job.m, config.m_granule),
            (choice.n_block, job.n, config.n_granule),
            (choice.k_block, job.k, config.k_granule),
        )
    )


def _with(job: Descriptor, choice: Plan) -> Descriptor:
    return replace(
        job, order=choice.order, m_block=choice.m_block, n_block=choice.n_block,
        k_block=choice.k_block,
    )  # fmt: skip


def planned(
    config: MachineConfig,
    job: Descriptor,
    *,
    goal: str = "cycles",
    tries: int = 1,
    models: Models | None = None,
) -> Descriptor:
    """``job`` with the order and the blocks of its plan; see :func:`plan`."""
    return _with(job, plan(config, job, goal=goal, tries=tries, models=models))
