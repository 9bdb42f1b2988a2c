"""The compute-in-memory tile in numpy: exact, bit by bit, and how many cycles its planes take."""

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config.cim import CimConfig

__all__ = ["bit_serial", "converted", "planes_done", "product", "tile_cycles"]

Ints = NDArray[np.int64]


def _values(config: CimConfig, a: Ints, planes: int, signed: bool) -> Ints:
    """Activations from their lowest ``planes`` bits, 0 of none."""
    low = a & ((1 << planes) - 1)
    return low - ((low << 1 >> planes) << planes) if signed else low


def product(config: CimConfig, a: Ints, w: Ints, planes: int, signed: bool) -> Ints:
    """Exact sums of a vector: ``a`` [rows] patterns of bits, ``w`` [rows][cols]; [cols]."""
    return _values(config, a, planes, signed) @ w


def converted(config: CimConfig, counts: Ints) -> Ints:
    """What the converter reads for ``counts`` of a group, in counts; without one the same."""
    if not config.adc_bits:
        return counts
    shift = config.adc_shift
    return (np.minimum(counts, config.clip) + ((1 << shift) >> 1)) >> shift << shift


def bit_serial(config: CimConfig, a: Ints, w: Ints, planes: int, signed: bool) -> Ints:
    """The same as the tile does it: plane by plane, slice by slice, as each group is read out."""
    bits = w & ((1 << config.weight.bits) - 1)
    starts = np.cumsum([0, *config.groups])
    total = np.zeros(w.shape[1], np.int64)
    for plane in range(planes):
        gates = a >> plane & 1
        column = np.zeros_like(total)
        for n in range(config.slices):
            part = bits >> n * config.slice_width & ((1 << config.slice_width) - 1)
            if config.slice_values(n).signed:
                part = part - (part >> (config.slice_width - 1) << config.slice_width)
            sums = [
                converted(config, gates[low:high] @ part[low:high])
                for low, high in zip(starts[:-1], starts[1:], strict=True)
            ]
            sign = -1 if config.subtracts(n) else 1
            column += sign * sum(sums) << n * config.slice_width
        sign = -1 if signed and plane == planes - 1 else 1
        total += sign * column << plane
    return total


def planes_done(config: CimConfig, a: Ints, planes: int) -> int:
    """Planes of a vector that are worked on: all, or with ``skip`` those with a one."""
    if not config.skip:
        return planes
    used = np.bitwise_or.reduce(a & ((1 << planes) - 1))
    return int(used).bit_count()


def tile_cycles(config: CimConfig, vectors: list[tuple[Ints, int]]) -> int:
    """Cycles from the first accepted vector to the last output taken, both included, unstalled.

    ``vectors``: activations and planes of each. Exact for vectors offered in every cycle.
    """
    return config.latency - 1 + sum(max(1, planes_done(config, a, n)) for a, n in vectors)
