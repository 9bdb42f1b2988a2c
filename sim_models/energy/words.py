"""Element words that an engine takes from the level next to it, counted and by formula.

Words are elements: those of A and B that buffers give to the engine, and sums that it writes and
takes back. Elements that only fill a word up to its width count, as they are moved.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from insitu.hdl.config import MachineConfig
from insitu.hdl.config.fields import ceil_div
from insitu.program.blocks import blocks_of
from insitu.program.descriptor import Descriptor

__all__ = [
    "PER_PRODUCT", "Words", "by_formula", "closed_form", "counted", "kind_of", "per_product",
    "text",
]  # fmt: skip


@dataclass(frozen=True)
class Words:
    """Elements of A, of B, and sums."""

    a: int
    b: int
    sums: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.a + self.b + self.sums


TEXTS = {
    "os": "MK⌈N/Q⌉ + KN⌈M/P⌉ + MN",
    "ws": "KN + MK⌈N/Q⌉ + MN(2⌈K/P⌉ − 1)",
    "resident": "MK⌈N/Q⌉ + MN(2⌈K/P⌉ − 1)",
    "simd": "MK⌈N/(rn·W)⌉ + KN⌈M/rm⌉ + MN",
}

PER_PRODUCT = {
    "os": ("1/P + 1/Q", "1/K"),
    "ws": ("1/M + 1/Q", "2/P − 1/K"),
    "resident": ("1/Q", "2/P − 1/K"),
    "simd": ("1/(rn·W) + 1/rm", "1/K"),
}
"""The same by MNK: operands, and sums."""


def kind_of(array: Any) -> str:
    """Which formula an engine follows: "os", "ws", "resident", whose weights stay, or "simd", whose
    lanes (the scalar machine: one) take operands from memory for each k anew."""
    if hasattr(array, "rm"):
        return "simd"
    return "resident" if array.banks else array.flow


def text(config: MachineConfig) -> str:
    """The formula of a machine, for M, N, K that are multiples of its array's P × Q."""
    return TEXTS[kind_of(config.array)]


def counted(config: MachineConfig, counters: dict[str, int]) -> Words:
    """From a machine's counters, with B stored K×N; of SIMD lanes what memory gives and takes."""
    if kind_of(config.array) == "simd":
        return Words(*(counters[f"{x}_elements"] for x in "abc"))
    sums = counters["sums_written"] + counters["sums_read"]
    return Words(
        counters["a_read"] * config.a_word,
        counters.get("b_read", 0) * config.b_word,
        sums * config.array.cols,
    )


def by_formula(config: MachineConfig, job: Descriptor) -> Words:
    """For any sizes and blocks, with B stored K×N: the same as :func:`counted`, exactly.

    Sizes are rounded up to the array's; weights come once per block of rows of C, or once if they
    stay; sums of a weight-stationary array are added up outside it, tile of K by tile, those of an
    output-stationary one block of K by block.
    """
    array: Any = config.array
    blocks = blocks_of(config, job)
    kind = kind_of(array)
    if kind == "simd":
        a = job.m * job.k * ceil_div(job.n, array.rn * array.cols)
        b = job.k * job.n * ceil_div(job.m, array.rm)
        return Words(*(x * job.batch for x in (a, b, job.m * job.n)))
    n = array.cols * ceil_div(job.n, array.cols)
    passes = n // array.cols
    if kind == "os":
        m_tiles = ceil_div(job.m, array.rows)
        a = m_tiles * array.rows * job.k * passes
        b = m_tiles * job.k * n
        parts, loads = ceil_div(job.k, blocks.k), job.batch
    else:
        parts = ceil_div(job.k, array.k_per_tile)
        a = parts * array.k_per_tile * job.m * passes
        b = job.k * n
        loads = job.batch * ceil_div(job.m, blocks.m)
        if kind == "resident" and blocks.b_kept:
            loads = int(job.load_b)
    sums = job.m * n * (2 * parts - 1 + int(job.addend))
    return Words(a * job.batch, b * loads, sums * job.batch)


def closed_form(config: MachineConfig, m: int, n: int, k: int) -> int:
    """Words of the formula that :func:`text` shows, of one GEMM in one block of M and K."""
    array: Any = config.array
    if kind_of(array) == "simd":
        lanes = array.rn * array.cols
        return m * k * ceil_div(n, lanes) + k * n * ceil_div(m, array.rm) + m * n
    rows, cols = array.rows * array.dot, array.cols
    if kind_of(array) == "os":
        return m * k * ceil_div(n, cols) + k * n * ceil_div(m, array.rows) + m * n
    words = m * k * ceil_div(n, cols) + m * n * (2 * ceil_div(k, rows) - 1)
    return words + (k * n if kind_of(array) == "ws" else 0)


def per_product(config: MachineConfig, m: int, k: int) -> tuple[Fraction, Fraction]:
    """What :data:`PER_PRODUCT` says: words of A and B, and sums, where no size is rounded up."""
    array: Any = config.array
    if kind_of(array) == "simd":
        return Fraction(1, array.rn * array.cols) + Fraction(1, array.rm), Fraction(1, k)
    by_q = Fraction(1, array.cols)
    if kind_of(array) == "os":
        return Fraction(1, array.rows) + by_q, Fraction(1, k)
    sums = Fraction(2, array.rows * array.dot) - Fraction(1, k)
    return (by_q + Fraction(1, m) if kind_of(array) == "ws" else by_q), sums
