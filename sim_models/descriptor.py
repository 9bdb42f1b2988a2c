"""A descriptor as software sees it: fields, the words of the window, and the result it asks for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import MachineConfig
from insitu.hdl.config.fields import ceil_div
from insitu.hdl.config.machine import BLOCK_BITS, KEPT_BITS
from insitu.host.descriptor import window

from . import golden

__all__ = ["FORMATS", "Blocks", "Descriptor", "blocks_of", "fits", "spans_fit"]

Ints = NDArray[np.int64]
FORMATS = ("int32", "int8", "uint8")


@dataclass(frozen=True)
class Descriptor:
    """One GEMM, or ``batch`` of them; names as in the register map.

    Addresses, strides and batch strides in bytes. ``low`` and ``high`` bound 8-bit results.
    """

    m: int
    n: int
    k: int
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    bias: int = 0
    scales: int = 0
    a_stride: int = 0
    b_stride: int = 0
    c_stride: int = 0
    d_stride: int = 0
    a_transposed: bool = False
    b_transposed: bool = False
    a_signed: bool = True
    b_signed: bool = True
    has_bias: bool = False
    addend: bool = False
    format: str = "int32"
    column_scale: bool = False
    scale: float = 1.0
    order: int = 0
    a_zero: int = 0
    b_zero: int = 0
    zero: int = 0
    low: int = 0
    high: int = 0
    m_block: int = 0
    n_block: int = 0
    k_block: int = 0
    batch: int = 1
    a_batch: int = 0
    b_batch: int = 0
    c_batch: int = 0
    d_batch: int = 0
    load_b: bool = True
    bank_first: int = 0

    def words(self) -> list[int]:
        """The words of the descriptor window, in order."""
        values: dict[str, int] = {
            "flags_version": 1,
            "flags_load_b": self.load_b,
            "bank_first": self.bank_first,
            "flags_format": FORMATS.index(self.format),
            "flags_bias": self.has_bias,
            "zeros_a": self.a_zero,
            "zeros_b": self.b_zero,
            "clamp_zero": self.zero,
            "clamp_low": self.low,
            "clamp_high": self.high,
        }
        for flag in ("a_transposed", "b_transposed", "a_signed", "b_signed", "addend",
                     "column_scale", "order"):  # fmt: skip
            values[f"flags_{flag}"] = getattr(self, flag)
        sizes = [*"mnk", *(f"{x}_block" for x in "mnk"), "batch"]
        for name in (*sizes, *(f"{x}_stride" for x in "abcd"), *(f"{x}_batch" for x in "abcd")):
            values[name] = getattr(self, name)
        for name in (*"abcd", "bias"):
            values |= {f"{name}_low": getattr(self, name) & 0xFFFFFFFF}
            values |= {f"{name}_high": getattr(self, name) >> 32}
        values["scale"] = int(np.float32(self.scale).view(np.uint32))
        if self.column_scale:
            values |= {"scale": self.scales & 0xFFFFFFFF, "scale_high": self.scales >> 32}
        return window(**values)

    def result(
        self,
        a: Ints,
        b: Ints,
        *,
        acc_bits: int,
        bias: Ints | None = None,
        d: Ints | None = None,
        scales: NDArray[np.float32] | None = None,
    ) -> Ints:
        """What C must be, for one matrix of the batch: M×K ``a`` and K×N ``b`` as numbers.

        ``acc_bits``: of the machine; int32 results are sums modulo ``2^acc_bits``, sign-extended.
        """
        zeros = {"a_zero": self.a_zero, "b_zero": self.b_zero}
        acc = golden.gemm(a, b, **zeros, bias=bias, d=d, acc_bits=acc_bits)
        if self.format == "int32":
            return acc
        scale = self.scale if scales is None else scales
        return golden.requantise(acc, scale, zero=self.zero, lo=self.low, hi=self.high)


@dataclass(frozen=True)
class Blocks:
    """Sizes of a block, and which operand's panel stays in its buffer.

    With banks ``b_kept`` says that B stays in these, and is loaded once; otherwise it is streamed
    through ``ring`` of them.
    """

    m: int
    n: int
    k: int
    a_kept: bool
    b_kept: bool
    ring: int = 0


def blocks_of(config: MachineConfig, job: Descriptor) -> Blocks:
    """The blocks that the hardware uses; those left open follow its rule."""
    choice = [
        min(size, given or default)
        for size, given, default in zip(
            (job.m, job.n, job.k),
            (job.m_block, job.n_block, job.k_block),
            config.default_blocks,
            strict=True,
        )
    ]
    m, n, k = choice
    if config.tile:
        return Blocks(m, n, k, a_kept=False, b_kept=False)
    a_panel = _a_words(config, job, m, job.k)
    b_panel = _b_words(config, job, n, job.k)
    small_k = job.k < 1 << KEPT_BITS
    if config.array.banks:
        b_kept, ring = _is_resident(config, job), config.array.banks - job.bank_first
    else:
        b_kept, ring = job.order == 0 and small_k and b_panel <= config.b_words, 0
    return Blocks(
        m,
        n,
        k,
        a_kept=job.order == 1 and small_k and a_panel <= config.a_words,
        b_kept=b_kept,
        ring=ring,
    )


def _is_resident(config: MachineConfig, job: Descriptor) -> bool:
    """Whether B needs no bank twice."""
    array = config.array
    used = ceil_div(job.k, array.rows) * ceil_div(job.n, array.cols)
    fits = job.bank_first + used <= array.banks and max(job.k, job.n) < 1 << KEPT_BITS
    return not job.load_b or (fits and (job.batch == 1 or job.b_batch == 0))


def _a_words(config: MachineConfig, job: Descriptor, m: int, k: int) -> int:
    rows, along = (k, m) if job.a_transposed else (m, k)
    return rows * ceil_div(along, config.a_word)


def _b_words(config: MachineConfig, job: Descriptor, n: int, k: int) -> int:
    if job.b_transposed:
        return n * ceil_div(k, config.b_turned_word)
    return k * ceil_div(n, config.b_word)


def fits(config: MachineConfig, job: Descriptor) -> bool:
    """Whether the descriptor's blocks are legal."""
    blocks = blocks_of(config, job)
    if tile := config.tile:
        most = (1 << BLOCK_BITS) - 1
        return blocks.m <= tile.rm and blocks.n <= tile.tile_cols and job.k_block <= most
    if max(job.m_block, job.n_block, job.k_block) >= 1 << BLOCK_BITS:
        return False
    for size, block, granule in (
        (job.m, blocks.m, config.m_granule),
        (job.n, blocks.n, config.n_granule),
        (job.k, blocks.k, config.k_granule),
    ):
        if block != size and block % granule:
            return False
    return (
        _a_words(config, job, blocks.m, blocks.k) <= config.a_words
        and _b_words(config, job, blocks.n, blocks.k) <= config.b_words
        and blocks.m * ceil_div(blocks.n, config.array.cols) <= config.c_words
        and blocks.n <= config.n_max
    )


def spans_fit(config: MachineConfig, job: Descriptor) -> bool:
    """Whether the hardware takes the places of matrices: what it refuses ends as bad_shape.

    Nothing may leave the address space. C may meet neither A, B, bias, scales nor a D that is not C
    itself, each from its first byte to its last over the whole batch. Where D is C, rows of C must
    lie apart, in either of the two orders that nests of rows and matrices have.
    """
    array, batch = config.array, job.batch
    wide = job.format == "int32"
    c_row = job.n * (4 if wide else 1)

    def span(x: str, rows: int, row: int) -> tuple[int, int]:
        start = getattr(job, x)
        last = (rows - 1) * getattr(job, f"{x}_stride") + (batch - 1) * getattr(job, f"{x}_batch")
        return start, start + last + row

    a_rows, a_cols = (job.k, job.m) if job.a_transposed else (job.m, job.k)
    b_rows, b_cols = (job.n, job.k) if job.b_transposed else (job.k, job.n)
    same = (
        wide
        and (job.c, job.c_stride) == (job.d, job.d_stride)
        and (batch == 1 or job.c_batch == job.d_batch)
    )
    c = span("c", job.m, c_row)
    reads = [span("a", a_rows, ceil_div(a_cols * array.a.bits, 8))]
    if job.load_b:
        reads.append(span("b", b_rows, ceil_div(b_cols * array.b.bits, 8)))
    if job.addend and not same:
        reads.append(span("d", job.m, 4 * job.n))
    if job.has_bias:
        reads.append((job.bias, job.bias + 4 * job.n))
    if job.column_scale and not wide:
        reads.append((job.scales, job.scales + 4 * job.n))
    if max(end for _, end in (c, *reads)) > 1 << config.addr_bits:
        return False
    if any(start < c[1] and c[0] < end for start, end in reads):
        return False
    nests = [(job.m, job.c_stride, batch, job.c_batch), (batch, job.c_batch, job.m, job.c_stride)]
    return not (job.addend and same) or any(
        (inner == 1 or step >= c_row) and (outer == 1 or apart >= c_row + (inner - 1) * step)
        for inner, step, outer, apart in nests
    )
