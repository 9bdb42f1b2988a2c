"""What a descriptor moves: the functional counters of a machine, exactly."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdl.config import MachineConfig
from hdl.config.fields import ceil_div

from .descriptor import Blocks, Descriptor, blocks_of

__all__ = ["counters", "nonzero_macs"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Part:
    """``count`` blocks along one dimension, each of ``size``."""

    size: int
    count: int


def _parts(size: int, block: int) -> list[_Part]:
    whole, rest = divmod(size, block)
    parts = [_Part(block, whole)] if whole else []
    return parts + ([_Part(rest, 1)] if rest else [])


def _operand(rows: int, along: int, per_beat: int, word: int) -> tuple[int, int, int]:
    """Elements, bus words and buffer words of a block of ``rows`` stored rows."""
    return rows * along, rows * ceil_div(along, per_beat), rows * ceil_div(along, word)


def counters(config: MachineConfig, job: Descriptor) -> dict[str, int]:
    """Functional counters of a good descriptor, by name, without those that depend on data."""
    blocks = blocks_of(config, job)
    total: dict[str, int] = {}
    n_count = ceil_div(job.n, blocks.n)
    m_count = ceil_div(job.m, blocks.m)
    for m in _parts(job.m, blocks.m):
        for n in _parts(job.n, blocks.n):
            for name, value in _per_block(config, job, blocks, m.size, n.size):
                total[name] = total.get(name, 0) + value * m.count * n.count
            for k in _parts(job.k, blocks.k):
                times = m.count * n.count * k.count
                for name, value in _per_step(config, job, m.size, n.size, k.size):
                    total[name] = total.get(name, 0) + value * times
    # Operands: per block of A and of B, as often as it is loaded.
    for k in _parts(job.k, blocks.k):
        for m in _parts(job.m, blocks.m):
            rows, along = (k.size, m.size) if job.a_transposed else (m.size, k.size)
            loads = m.count * k.count * (1 if blocks.a_kept else n_count)
            moved = _operand(rows, along, config.a_per_beat, config.a_word)
            for name, value in zip(("a_elements", "a_words", "a_written"), moved, strict=True):
                total[name] = total.get(name, 0) + value * loads
        for n in _parts(job.n, blocks.n):
            rows, along = (n.size, k.size) if job.b_transposed else (k.size, n.size)
            word = config.b_turned_word if job.b_transposed else config.b_word
            loads = n.count * k.count * (1 if blocks.b_kept else m_count)
            moved = _operand(rows, along, config.b_per_beat, word)
            for name, value in zip(("b_elements", "b_words", "b_written"), moved, strict=True):
                total[name] = total.get(name, 0) + value * loads
    # Biases and scales: per block of columns, by order 1 for each of its blocks of C.
    vectors = int(job.has_bias) + int(job.column_scale and job.format != "int32")
    for n in _parts(job.n, blocks.n):
        loads = vectors * n.count * (m_count if job.order else 1)
        total["column_elements"] = total.get("column_elements", 0) + n.size * loads
        words = ceil_div(n.size, config.bus_bits // 32)
        total["column_words"] = total.get("column_words", 0) + words * loads
    return {name: value * job.batch for name, value in total.items()}


def _per_block(
    config: MachineConfig, job: Descriptor, blocks: Blocks, m: int, n: int
) -> Iterator[tuple[str, int]]:
    """Of one block of C."""
    n_tiles = ceil_div(n, config.array.cols)
    size = 4 if job.format == "int32" else 1
    yield "c_elements", m * n
    yield "c_words", m * ceil_div(n * size, config.bus_bytes)
    yield "sums_stored", m * n_tiles
    yield "d_elements", m * n if job.addend else 0
    yield "d_words", m * ceil_div(n, config.bus_bits // 32) if job.addend else 0
    yield "sums_begun", m * n_tiles if job.addend else 0
    # The first row of sums for a word does not read it.
    yield "sums_read", 0 if job.addend else -m * n_tiles


def _per_step(
    config: MachineConfig, job: Descriptor, m: int, n: int, k: int
) -> Iterator[tuple[str, int]]:
    """Of one step along K."""
    array = config.array
    n_tiles = ceil_div(n, array.cols)
    yield "macs", m * n * k
    if array.flow == "ws":
        k_tiles = ceil_div(k, array.k_per_tile)
        rows = m * n_tiles * k_tiles
        yield "busy", m * n_tiles * k_tiles
        yield "weight_rows", array.rows * n_tiles * k_tiles
        # One read per vector; of weights, padded to the array's rows only if read by columns.
        yield "a_read", rows
        yield "b_read", n_tiles * (array.rows * k_tiles if job.b_transposed else k)
    else:
        m_tiles = ceil_div(m, array.rows)
        rows = m * n_tiles
        yield "busy", m_tiles * n_tiles * ceil_div(k, array.dot)
        yield "weight_rows", 0
        yield "a_read", m_tiles * n_tiles * k
        yield "b_read", m_tiles * n_tiles * k
    yield "sums_written", rows
    yield "sums_read", rows


def nonzero_macs(job: Descriptor, a: Ints, b: Ints) -> int:
    """Products of one M×K by K×N pair of which neither operand is its zero point."""
    left, right = (a != job.a_zero).sum(axis=0), (b != job.b_zero).sum(axis=1)
    return int((left.astype(np.int64) * right.astype(np.int64)).sum())
