"""How large sums can become, column by column, as the weights have it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["MOST", "fit_binary32", "sums"]

Ints = NDArray[np.int64]

MOST = 1 << 24
"""Integers of up to this magnitude are binary32 numbers, so that rounding to these changes none."""


def sums(
    b: NDArray[Any],
    kind: np.dtype,
    a_zero: int,
    b_zero: ArrayLike = 0,
    bias: NDArray[Any] | None = None,
) -> tuple[Ints, Ints]:
    """Least and largest ``Σ (A − a_zero)(B − b_zero) + bias`` of each column, for any A.

    Both are reached: each element of A can be either end of its type.

    Parameters
    ----------
    b : integers, … × K × N
    kind : numpy.dtype
        Of A: an integer type of 8 bits.
    a_zero : int
    b_zero : int, or N of them
    bias : integers, N, or None

    Returns
    -------
    int64 of … × N each
    """
    limits: Any = np.iinfo(kind)
    weights = b.astype(np.int64) - np.asarray(b_zero, np.int64)
    up = np.maximum(weights, 0).sum(axis=-2)
    down = np.minimum(weights, 0).sum(axis=-2)
    low, high = int(limits.min) - a_zero, int(limits.max) - a_zero
    extra: Any = 0 if bias is None else bias.astype(np.int64)
    return up * low + down * high + extra, up * high + down * low + extra


def fit_binary32(low: Ints, high: Ints) -> NDArray[np.bool_]:
    """Columns whose sums, from ``low`` to ``high``, are binary32 numbers all of them."""
    return (low >= -MOST) & (high <= MOST)
