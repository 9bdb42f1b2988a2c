"""The compact machine: its exact cycles while the host is silent, and its functional counters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import CompactConfig
from insitu.hdl.config.fields import ceil_div
from insitu.program.descriptor import Descriptor

__all__ = ["Counts", "check_cycles", "counts"]

WORDS = 35
"""Of a descriptor."""
SUMS = 7
"""Cycles from the last access to a column of B to its sums."""


@dataclass(frozen=True)
class Counts:
    """Counters of a descriptor that ends well, by the names of the register map."""

    cycles: int
    a_words: int
    b_words: int
    column_words: int
    c_elements: int
    macs: int


def _scaled(job: Descriptor) -> bool:
    return job.format != "int32" and job.column_scale


def check_cycles(job: Descriptor) -> int:
    """Cycles in which a good descriptor is looked at: word by word, then matrix by matrix."""
    total = WORDS + 2
    total += sum(5 + (rows - 1).bit_length() for rows in (job.m, job.m, job.n))
    return total + sum(5 if used else 2 for used in (job.has_bias, _scaled(job)))


def _advance(begin: int, words: int, taken: Sequence[int]) -> int:
    """Cycle of the last of ``words`` accesses, one per cycle from ``begin`` but for those taken."""
    end = begin + words - 1
    for cycle in taken:
        end += begin <= cycle <= end
    return end


def _finish(config: CompactConfig, job: Descriptor, scale: np.float32, rows: int) -> list[int]:
    """Cycles of memory accesses that finish a column, from its sums on; the last one ends it."""
    now, accesses = 1, []
    for used in (job.has_bias, _scaled(job)):
        if used:
            accesses.append(now)
            now += 2
    for _ in range(rows):
        now += 1
        if job.format != "int32":
            exponent = int(np.float32(scale).view(np.uint32)) >> 23
            places = min(56, max(0, 149 - exponent))
            now += 1 + config.multiply_cycles + config.shift_cycles(places) + 2
        accesses.append(now)
        now += 1
    return accesses


def counts(
    config: CompactConfig, job: Descriptor, scales: NDArray[np.float32] | None = None
) -> Counts:
    """Of a good ``job``; ``scales`` per column where it has them."""
    words = ceil_div(job.k, config.word_bytes)
    values = np.full(job.n, job.scale, np.float32)
    if _scaled(job) and scales is not None:
        values = scales.astype(np.float32)
    sets = [min(config.array.rows, job.m - top) for top in range(0, job.m, config.array.rows)]
    finishes = {
        (float(scale), rows): _finish(config, job, scale, rows)
        for rows in set(sets)
        for scale in values
    }
    # Cycle 0 is the doorbell's; a column's last word waits until the sums before it are finished.
    last, taken = check_cycles(job) + 1, [0]
    for rows in sets:
        # Where the set begins is set up; its rows; the last word of them is on its way.
        begin = _advance(last + 2, rows * words, taken) + 2
        for scale in values:
            before = _advance(begin, words - 1, taken)
            last = _advance(max(before, taken[-1]) + 1, 1, taken)
            taken = [last + SUMS + cycle for cycle in finishes[float(scale), rows]]
            begin = last + 1
    fetches = len(sets) * job.n * (job.has_bias + _scaled(job))
    return Counts(
        cycles=taken[-1] + 3 + len({*config.counters, "cycles"}),
        a_words=job.m * words,
        b_words=len(sets) * job.n * words,
        column_words=fetches,
        c_elements=job.m * job.n,
        macs=job.m * job.n * job.k,
    )
