"""Sums of products to 8 bits as onnxruntime does it: the scale and the sum rounded to binary32."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SMALLEST", "combined", "requantised"]

SMALLEST = np.float32(2.0**-126)
"""Least normal binary32: less than this, as of a channel that is dead, gives the same results."""


def combined(x: Any, w: Any, y: Any) -> NDArray[np.float32]:
    """The scale from sums to results, one or one per column: ``f32(f32(x · w) / y)``."""
    one = np.float32
    found = np.asarray(x, one) * np.asarray(w, one) / np.asarray(y, one)
    return np.maximum(np.atleast_1d(found.astype(one)), SMALLEST)


def requantised(
    sums: NDArray[Any], scale: NDArray[np.float32], zero: int, kind: np.dtype
) -> NDArray[Any]:
    """``clamp(zero + rint(f32(f32(sums) · scale)))`` of type ``kind``; ``scale`` broadcasts."""
    limits: Any = np.iinfo(kind)
    rounded = np.rint(sums.astype(np.float32) * scale).astype(np.float64) + zero
    return np.clip(rounded, limits.min, limits.max).astype(kind)
