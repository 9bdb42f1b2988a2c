"""Blocks of a descriptor: what the hardware makes of those left open, and which it takes."""

from dataclasses import dataclass

from insitu.hdl.config import MachineConfig
from insitu.hdl.config.fields import ceil_div
from insitu.hdl.config.widths import BLOCK_BITS, KEPT_BITS

from .descriptor import Descriptor

__all__ = ["Blocks", "blocks_of", "fits"]


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
    if config.array.addressing.by_element:
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
    if config.array.addressing.by_element:
        core, most = config.array, (1 << BLOCK_BITS) - 1
        return blocks.m <= core.rm and blocks.n <= core.tile_cols and job.k_block <= most
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
