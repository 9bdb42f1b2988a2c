"""Quantiser: real numbers to the integers of a format, and back."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["quantise", "symmetric_scale"]


def _finite(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be real numbers, not {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    return array.astype(np.float64)


def _check_bits(bits: int) -> None:
    if not isinstance(bits, int | np.integer) or not 2 <= bits <= 16:
        raise ValueError(f"bits must be from 2 to 16, not {bits}")


def symmetric_scale(
    values: ArrayLike, bits: int, *, axis: int | None = None
) -> NDArray[np.float32]:
    """Smallest binary32 scale for which ``values / scale`` fits ``bits`` bits signed.

    Parameters
    ----------
    values : real, any shape
    bits : int
        2 to 16.
    axis : int or None
        One scale for each index of this axis, or one in all.

    Returns
    -------
    float32, a scalar or one per index, a normal number. Where all values are 0 it is 1.

    Raises
    ------
    ValueError
        For bits out of range, values that are not finite, or none.
    """
    _check_bits(bits)
    magnitude = np.abs(_finite("values", values))
    if not magnitude.size:
        raise ValueError("values must not be empty")
    others = None if axis is None else tuple(n for n in range(magnitude.ndim) if n != axis)
    largest = magnitude.max(axis=others)
    scale = np.where(largest > 0, largest / ((1 << (bits - 1)) - 1), 1.0)
    scale = np.maximum(scale, np.finfo(np.float32).tiny)
    return np.asarray(scale, dtype=np.float32)


def quantise(
    values: ArrayLike, scale: ArrayLike, *, bits: int, signed: bool = True, zero: int = 0
) -> NDArray[np.int64]:
    """``clamp(zero + round_half_even(values / scale))`` to the range of the format.

    Parameters
    ----------
    values, scale : real
        Shapes that broadcast; all finite, scales positive.
    bits, signed
        Format: 2 to 16 bits.
    zero : int
        Zero point, a value of the format.

    Raises
    ------
    ValueError
        For anything out of range.
    """
    _check_bits(bits)
    divisor = _finite("scale", scale)
    if np.any(divisor <= 0):
        raise ValueError("scale must be positive")
    lo, hi = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if not isinstance(zero, int | np.integer) or not lo <= zero <= hi:
        raise ValueError(f"zero must be an integer from {lo} to {hi}, not {zero}")
    with np.errstate(over="ignore"):  # infinity is beyond the format as well
        steps = np.rint(_finite("values", values) / divisor)
    return np.clip(zero + steps, lo, hi).astype(np.int64)
