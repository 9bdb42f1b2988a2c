"""What a descriptor moves: the functional counters of a machine, exactly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import MachineConfig
from insitu.hdl.config.fields import ceil_div
from insitu.program.blocks import Blocks, blocks_of
from insitu.program.descriptor import Descriptor

__all__ = ["counters", "nonzero_macs", "planes", "vector_planes"]

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
    if config.array.addressing.by_element:
        return {name: value * job.batch for name, value in _by_element(config, job).items()}
    blocks = blocks_of(config, job)
    total: dict[str, int] = {}
    loads: dict[str, int] = {}
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
            times = m.count * k.count * (1 if blocks.a_kept else n_count)
            moved = _operand(rows, along, config.a_per_beat, config.a_word)
            for name, value in zip(("a_elements", "a_words", "a_written"), moved, strict=True):
                total[name] = total.get(name, 0) + value * times
        for n in _parts(job.n, blocks.n):
            rows, along = (n.size, k.size) if job.b_transposed else (k.size, n.size)
            word = config.b_turned_word if job.b_transposed else config.b_word
            times = n.count * k.count * (1 if blocks.b_kept else m_count)
            moved = _operand(rows, along, config.b_per_beat, word)
            for name, value in zip(("b_elements", "b_words", "b_written"), moved, strict=True):
                loads[name] = loads.get(name, 0) + value * times
            if config.array.banks:
                for name, value in _bank_rows(config, job, n.size, k.size):
                    loads[name] = loads.get(name, 0) + value * times
    # Biases and scales: per block of columns, by order 1 for each of its blocks of C.
    vectors = int(job.has_bias) + int(job.column_scale and not job.wide)
    for n in _parts(job.n, blocks.n):
        times = vectors * n.count * (m_count if job.order else 1)
        total["column_elements"] = total.get("column_elements", 0) + n.size * times
        words = ceil_div(n.size, config.bus_bits // 32)
        total["column_words"] = total.get("column_words", 0) + words * times
    counted = {name: value * job.batch for name, value in total.items()}
    # What is resident in banks is loaded for the first matrix of a batch, or not at all.
    stays = config.array.banks and blocks.b_kept
    matrices = int(job.load_b) if stays else job.batch
    return counted | {name: value * matrices for name, value in loads.items()}


def _words(size: int, block: int, per_beat: int) -> int:
    """Bus words of a row of ``size`` elements, moved block by block, wherever these begin."""
    starts = np.arange(0, size, block, dtype=np.int64)
    ends = np.minimum(starts + block, size)
    return int((-(-ends // per_beat) - starts // per_beat).sum())


def _by_element(config: MachineConfig, job: Descriptor) -> dict[str, int]:
    """Of one matrix, where operands are fetched for each k anew: an access is the elements of one
    stored row that a block needs of a k, and as many bus words as these lie in."""
    blocks, lanes = blocks_of(config, job), config.array.cols
    m_count, n_count, k_count = (
        ceil_div(size, block)
        for size, block in ((job.m, blocks.m), (job.n, blocks.n), (job.k, blocks.k))
    )
    m_words = _words(job.m, blocks.m, config.a_per_beat)
    n_words = _words(job.n, blocks.n, config.b_per_beat)
    d_words = _words(job.n, blocks.n, config.bus_bits // 32)
    elements = config.bus_bytes // (job.c_bytes)
    vectors = sum(ceil_div(n.size, lanes) * n.count for n in _parts(job.n, blocks.n))
    rows = job.m * vectors  # vectors of sums
    steps = rows * k_count
    columns = int(job.has_bias) + int(job.column_scale and not job.wide)
    columns *= m_count if job.order else 1
    used = m_count * n_count * job.k  # words of operands, each of what a k needs
    return {
        "a_elements": job.m * job.k * n_count,
        "a_words": job.k * n_count * (m_words if job.a_transposed else job.m),
        "a_written": used,
        "a_read": used,
        "b_elements": job.n * job.k * m_count,
        "b_words": job.k * m_count * (job.n if job.b_transposed else n_words),
        "b_written": used,
        "b_read": used,
        "c_elements": job.m * job.n,
        "c_words": job.m * _words(job.n, blocks.n, elements),
        "d_elements": job.m * job.n * job.addend,
        "d_words": job.m * d_words * job.addend,
        "column_elements": columns * job.n,
        "column_words": columns * d_words,
        "macs": job.m * job.n * job.k,
        "busy": rows * job.k,
        "weight_rows": 0,
        "sums_begun": rows * job.addend,
        "sums_written": steps,
        "sums_read": steps - (0 if job.addend else rows),
        "sums_stored": rows,
    }


def _per_block(
    config: MachineConfig, job: Descriptor, blocks: Blocks, m: int, n: int
) -> Iterator[tuple[str, int]]:
    """Of one block of C."""
    n_tiles = ceil_div(n, config.array.cols)
    size = job.c_bytes
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
        # One read per vector.
        yield "a_read", rows
        for move in array.moves:
            if move.vector:
                yield move.name, move.vector * rows
        if not array.banks:
            yield from _bank_rows(config, job, n, k)
    else:
        m_tiles = ceil_div(m, array.rows)
        rows = m * n_tiles
        yield "busy", m_tiles * n_tiles * ceil_div(k, array.dot)
        yield "weight_rows", 0
        yield "a_read", m_tiles * n_tiles * k
        yield "b_read", m_tiles * n_tiles * k
    yield "sums_written", rows
    yield "sums_read", rows


def _bank_rows(config: MachineConfig, job: Descriptor, n: int, k: int) -> Iterator[tuple[str, int]]:
    """Of one block of B on its way from its buffer to where it stays."""
    array = config.array
    n_tiles, k_tiles = ceil_div(n, array.cols), ceil_div(k, array.k_per_tile)
    yield "weight_rows", array.rows * n_tiles * k_tiles
    for move in array.moves:
        if not move.vector:
            yield move.name, sum(move.rows) * n_tiles * k_tiles
    # Padded to the array's rows only if read by columns, from words as long as that.
    padded = job.b_transposed and config.b_turned_word == array.k_per_tile
    yield "b_read", n_tiles * (array.rows * k_tiles if padded else k)


def vector_planes(config: MachineConfig, job: Descriptor, a: Sequence[Ints]) -> Ints:
    """Planes that have a one, of each vector of a tile, in the order in which it takes them.

    ``a``: M×K numbers per matrix of the batch.
    """
    tile, blocks = config.array, blocks_of(config, job)
    outer, inner = ("m", "n") if job.order else ("n", "m")
    spans = {
        x: [(at, min(at + size, whole)) for at in range(0, whole, size)]
        for x, size, whole in (
            ("m", blocks.m, job.m), ("n", blocks.n, job.n), ("k", blocks.k, job.k)
        )
    }  # fmt: skip
    found: list[Ints] = []
    for matrix in a:
        bits = matrix & ((1 << tile.a.bits) - 1)
        used = np.stack(
            [
                np.bitwise_or.reduce(bits[:, at : at + tile.rows], axis=1)
                for at in range(0, job.k, tile.rows)
            ]
        )
        ones = np.sum([used >> n & 1 for n in range(tile.a.bits)], axis=0)
        for first in spans[outer]:
            for second in spans[inner]:
                of = {outer: first, inner: second}
                n_tiles = ceil_div(of["n"][1] - of["n"][0], tile.cols)
                for low, high in spans["k"]:
                    for k in range(low // tile.rows, ceil_div(high, tile.rows)):
                        found += [ones[k, slice(*of["m"])]] * n_tiles
    return np.concatenate(found).astype(np.int64)


def planes(config: MachineConfig, job: Descriptor, a: Sequence[Ints]) -> dict[str, int]:
    """Planes worked on and left out, by a core that works by planes."""
    tile = config.array
    if not tile.planes:
        return {}
    ones = vector_planes(config, job, a)
    done = int(ones.sum()) if tile.skip else tile.planes * len(ones)
    return {"planes": done, "planes_skipped": tile.planes * len(ones) - done}


def nonzero_macs(job: Descriptor, a: Ints, b: Ints) -> int:
    """Products of one M×K by K×N pair of which neither operand is its zero point."""
    left, right = (a != job.a_zero).sum(axis=0), (b != job.b_zero).sum(axis=1)
    return int((left.astype(np.int64) * right.astype(np.int64)).sum())
