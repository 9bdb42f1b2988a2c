"""How large sums can become: reached by the worst activations, exceeded by none."""

import random

import numpy as np
import pytest

from insitu.program.networks.bounds import MOST, fit_binary32, sums


def _sum(a, b, a_zero, b_zero, bias):
    return (a.astype(np.int64) - a_zero) @ (b.astype(np.int64) - b_zero) + bias


@pytest.mark.parametrize("seed", range(60))
def test_bounds_are_reached_and_never_exceeded(seed):
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    k, n = rng.randint(1, 40), rng.randint(1, 6)
    kind, b_kind = (np.dtype(rng.choice(["int8", "uint8"])) for _ in range(2))
    limits, b_limits = np.iinfo(kind), np.iinfo(b_kind)
    b = numbers.integers(b_limits.min, b_limits.max, (k, n), b_kind, endpoint=True)
    a_zero = rng.randint(limits.min, limits.max)
    # One zero point, or one per column.
    size = () if rng.getrandbits(1) else (n,)
    b_zero = numbers.integers(b_limits.min, b_limits.max, size, endpoint=True)
    bias = numbers.integers(-(1 << 20), 1 << 20, n)
    low, high = sums(b, kind, a_zero, b_zero, bias)
    weights = b.astype(np.int64) - b_zero
    for column in range(n):
        up = weights[:, column] > 0
        most = np.where(up, limits.max, limits.min)[None]
        least = np.where(up, limits.min, limits.max)[None]
        assert _sum(most, b, a_zero, b_zero, bias)[0, column] == high[column]
        assert _sum(least, b, a_zero, b_zero, bias)[0, column] == low[column]
    a = numbers.integers(limits.min, limits.max, (200, k), kind, endpoint=True)
    found = _sum(a, b, a_zero, b_zero, bias)
    assert (found >= low).all()
    assert (found <= high).all()


def test_at_the_edge():
    """2^24 is a binary32 number, the next integer is not."""
    bias = np.array([MOST - 255, MOST - 254, -MOST, -MOST - 1])
    low, high = sums(np.ones((1, 4), np.int8), np.dtype("uint8"), 0, 0, bias)
    assert (high == bias + 255).all()
    assert fit_binary32(low, high).tolist() == [True, False, True, False]
    for value, fits in ((MOST, True), (MOST + 1, False), (-MOST - 1, False)):
        assert (int(np.float32(value)) == value) == fits


def test_batches():
    b = np.arange(-12, 12, dtype=np.int8).reshape(2, 3, 4)
    low, high = sums(b, np.dtype("int8"), 5)
    assert low.shape == high.shape == (2, 4)
    for n in range(2):
        assert (sums(b[n], np.dtype("int8"), 5)[0] == low[n]).all()
