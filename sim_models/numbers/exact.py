"""Golden model of floating-point numbers with exact sums, in integers up to their one rounding."""

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.formats import FLOAT_FORMATS, FloatFormat
from insitu.program.codes import Unpacked, binary32, narrow, unpack
from insitu.program.descriptor import Descriptor

__all__ = ["ExactGolden", "exact_gemm"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
LIMB = 21  # bits of the low part of an element: sums of 2^17 products of two parts fit 63


def exact_gemm(a: Ints, b: Ints, a_format: FloatFormat, b_format: FloatFormat) -> Floats:
    """``Σ_k a[m,k] · b[k,n]``, exact, then rounded to binary32, half to even.

    Parameters
    ----------
    a, b : integers, M×K and K×N
        Codes of the formats. K at most 2^17.

    Returns
    -------
    M×N float32. NaN where a product is one (a factor is, or 0 · ∞), or where products are infinite
    with both signs; an infinity where some are with one. A sum of 0 is +0.
    """
    left, right = unpack(a, a_format), unpack(b, b_format)
    sums = _rounded(left.fixed, right.fixed, a_format.unit + b_format.unit)
    found: Floats = np.where(_counts(left, right, 0), np.float32(np.nan), sums)
    positive, negative = (_counts(left, right, sign) for sign in (1, -1))
    found = np.where(positive, np.where(negative, np.nan, np.inf), found)
    found = np.where(negative & ~positive, -np.inf, found)
    return np.where(_counts(left, right, 0), np.nan, found).astype(np.float32)


def _rounded(a: Ints, b: Ints, unit: int) -> Floats:
    """``a`` · ``b`` · 2^unit as binary32; elements of 42 bits."""
    low = (1 << LIMB) - 1
    a_high, a_low, b_high, b_low = a >> LIMB, a & low, b >> LIMB, b & low
    # All of these are exact in int64: 21 + 21 + 17 bits.
    middle = a_high @ b_low + a_low @ b_high
    bottom = a_low @ b_low + ((middle & low) << LIMB)
    top = a_high @ b_high + (middle >> LIMB) + (bottom >> 2 * LIMB)
    bottom &= (1 << 2 * LIMB) - 1
    # Magnitude of top · 2^42 + bottom.
    negative = top < 0
    borrow = (bottom != 0).astype(np.int64)
    top = np.where(negative, -top - borrow, top)
    bottom = np.where(negative & (bottom != 0), (1 << 2 * LIMB) - bottom, bottom)
    # The leading bits, and a last one that tells of what follows: one rounding does the rest.
    few = top < 1 << 26
    leading = np.where(few, top << 35 | bottom >> 7, top)
    rest = np.where(few, bottom & 127, bottom) != 0
    value = np.where(top == 0, bottom, leading << 1 | rest)
    place = np.where(top == 0, 0, np.where(few, 6, 41))
    found = np.ldexp(value.astype(np.float32), (place + unit).astype(np.int32))
    return np.where(negative, -found, found).astype(np.float32)


def _counts(a: Unpacked, b: Unpacked, sign: int) -> NDArray[np.bool_]:
    """Whether one of the products of a sum is infinite of that ``sign``; with 0: is a NaN."""

    def any_of(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = left.astype(np.int64) @ right.astype(np.int64) > 0
        return found

    everything = np.ones(a.sign.shape, bool), np.ones(b.sign.shape, bool)
    if sign == 0:
        zeros = (a.sign == 0) & ~a.nan, (b.sign == 0) & ~b.nan
        return (
            any_of(a.nan, everything[1])
            | any_of(everything[0], b.nan)
            | any_of(a.infinite, zeros[1])
            | any_of(zeros[0], b.infinite)
        )
    found = np.zeros((a.sign.shape[0], b.sign.shape[1]), bool)
    for s in (1, -1):
        left, right = a.sign == s, b.sign == s * sign
        found |= any_of(left & a.infinite, right) | any_of(left, right & b.infinite)
    return found


class ExactGolden:
    """Sums rounded to binary32 once; bias, then D, added in binary32; then the result's format."""

    def __init__(self, a_format: FloatFormat, b_format: FloatFormat) -> None:
        self._formats = a_format, b_format

    def result(
        self,
        job: Descriptor,
        a: Ints,
        b: Ints,
        *,
        bias: Ints | None = None,
        d: Ints | None = None,
        scales: Floats | None = None,
    ) -> Ints:
        """Codes of C; ``bias`` and ``d``: codes of binary32."""
        with np.errstate(all="ignore"):
            total = exact_gemm(a, b, *self._formats)
            for term in (bias, d):
                if term is not None:
                    total = total + (term & 0xFFFFFFFF).astype(np.uint32).view(np.float32)
        codes = binary32(total)
        if job.wide:
            return codes
        return narrow(codes, FLOAT_FORMATS[job.format], saturate=job.saturate)

    def moving(self, values: Ints) -> Ints:
        """Without signs: both zeros are zero."""
        return values & (1 << self._formats[0].bits - 1) - 1
