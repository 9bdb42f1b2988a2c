"""Which arrays are tested: every value by day; every pair of values and products by night."""

import random
from collections.abc import Iterator
from itertools import combinations, product

from insitu.hdl.config import ArrayConfig, ConfigError, Interval, IntFormat
from insitu.hdl.formats import FORMAT_NAMES

__all__ = ["bundles", "cover", "format_product", "label", "size_product"]

SIZES = [(r, c) for r in range(1, 6) for c in range(1, 6)]
SIZES += [(8, 8), (1, 7), (6, 1), (7, 3), (12, 12), (16, 4)]
DOTS = [1, 2, 3, 4, 8]
FLOWS = ["ws", "os"]
MULTIPLIERS = [
    ("generic", "inferred"),
    ("generic", "lut"),
    ("ecp5", "dsp"),
    ("ecp5", "lut"),
    ("ice40", "dsp"),
]
LARGEST = 300  # products of an array beyond which only the plain multiplier is built


def _array(size, dot, flow, target, a_format, b_format, zero_points) -> ArrayConfig:
    """The array with sums as narrow as they may be, so that their extremes are reached."""
    a, b = (IntFormat.parse(f).operand(zero_points) for f in (a_format, b_format))
    products: Interval = a * b
    rows, cols = size
    psum = products.sum(rows * dot).bits + (not products.signed)
    # Room for 20 beats, so that the largest K allowed is soon reached.
    acc = products.sum(20 * dot).bits + (not products.signed)
    return ArrayConfig(
        flow, rows, cols, dot, a_format, b_format, zero_points, max(psum, 4), max(acc, 8), *target
    )


def _built(*values) -> ArrayConfig | None:
    """The array of these choices, or ``None`` where the configuration refuses it."""
    try:
        return _array(*values)
    except ConfigError:
        return None


def _light(size, dot, flow, target) -> bool:
    """Large arrays are simulated with the plain multiplier only: models of primitives are slow."""
    return size[0] * size[1] * dot <= LARGEST or target == ("generic", "inferred")


def _legal(values) -> bool:
    return _light(*values[:4]) and _built(*values) is not None


def cover(strength: int) -> list[ArrayConfig]:
    """Arrays in which all values of any ``strength`` parameters occur together that can.

    1: every value of every parameter; 2: every pair of values. Greedy and seeded: of 30 random
    completions of a choice not yet covered, the one that covers the most others. A choice that no
    completion makes legal is left out.
    """
    domains: list[list] = [SIZES, DOTS, FLOWS, MULTIPLIERS]
    domains += [list(FORMAT_NAMES), list(FORMAT_NAMES), [True, False]]
    axes = list(combinations(range(len(domains)), strength))

    def choices(row):
        return {tuple((i, row[i]) for i in some) for some in axes}

    left = {
        tuple(zip(some, values, strict=True))
        for some in axes
        for values in product(*(domains[i] for i in some))
    }
    order = sorted(left, key=repr)
    rng = random.Random(1)
    rng.shuffle(order)
    rows = []
    for choice in order:
        if choice not in left:
            continue
        best: list = []
        for _ in range(30):
            row = [rng.choice(domain) for domain in domains]
            for i, value in choice:
                row[i] = value
            if _legal(row) and (not best or len(choices(row) & left) > len(choices(best) & left)):
                best = row
        if best:
            rows.append(best)
            left -= choices(best)
    return [_array(*row) for row in rows]


def size_product() -> list[ArrayConfig]:
    """Every size × dot × flow × multiplier that is light, with formats drawn for each."""
    formats = list(product(FORMAT_NAMES, FORMAT_NAMES, [True, False]))
    rng = random.Random(2)
    arrays = []
    for key in product(SIZES, DOTS, FLOWS, MULTIPLIERS):
        if _light(*key):
            drawn = rng.sample(formats, len(formats))
            arrays.append(next(a for f in drawn if (a := _built(*key, *f)) is not None))
    return arrays


def format_product() -> list[ArrayConfig]:
    """Every pair of formats × zero points × dot × flow × multiplier, on 2 × 3 PEs."""
    keys = product([(2, 3)], DOTS, FLOWS, MULTIPLIERS, FORMAT_NAMES, FORMAT_NAMES, [True, False])
    return [array for key in keys if (array := _built(*key)) is not None]


def bundles(arrays: list[ArrayConfig], cost: int) -> Iterator[list[ArrayConfig]]:
    """Arrays in groups of about ``cost`` multipliers and overheads, which share a build."""
    group: list[ArrayConfig] = []
    total = 0
    for array in sorted(arrays, key=lambda a: a.macs_per_cycle, reverse=True):
        weight = array.macs_per_cycle + 10
        if group and total + weight > cost:
            yield group
            group, total = [], 0
        group.append(array)
        total += weight
    if group:
        yield group


def label(array: ArrayConfig) -> str:
    """Short name for a test."""
    zero = "z" if array.zero_points else ""
    return (
        f"{array.flow}-{array.rows}x{array.cols}x{array.dot}-{array.a_format}-{array.b_format}{zero}"
        f"-{array.target}-{array.multiplier}"
    )
