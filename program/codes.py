"""Codes of floating-point formats: taken apart, and made of binary32."""

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.formats import FloatFormat

__all__ = ["NAN", "Unpacked", "binary32", "narrow", "numbers", "unpack"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
NAN = 0x7FC00000
"""The one NaN that results have."""


class Unpacked:
    """Elements as fixed-point numbers, and which of them are none.

    ``fixed``: finite elements divided by 2^unit, others 0; ``sign``: −1, 0 or 1, of infinities too,
    of a NaN 0; ``nan`` and ``infinite``: whether an element is one.
    """

    def __init__(self, codes: Ints, fmt: FloatFormat) -> None:
        fraction_bits = fmt.fraction_bits
        negative = codes >> (fmt.bits - 1) & 1
        exponent = codes >> fraction_bits & (1 << fmt.exponent_bits) - 1
        fraction = codes & (1 << fraction_bits) - 1
        greatest = exponent == (1 << fmt.exponent_bits) - 1
        nothing = np.zeros(codes.shape, bool)
        self.infinite = greatest & (fraction == 0) if fmt.has_infinity else nothing
        if fmt.has_infinity:
            self.nan = greatest & (fraction != 0)
        else:
            all_ones = fraction == (1 << fraction_bits) - 1
            self.nan = greatest & all_ones if fmt.has_nan else nothing
        normal = exponent > 0
        magnitude = (fraction | normal.astype(np.int64) << fraction_bits) << (exponent - normal)
        magnitude = np.where(self.nan | self.infinite, 0, magnitude)
        self.fixed = np.where(negative == 1, -magnitude, magnitude)
        sign = np.where(negative == 1, -1, 1)
        self.sign = np.where(self.nan | ((magnitude == 0) & ~self.infinite), 0, sign)


def unpack(codes: Ints, fmt: FloatFormat) -> Unpacked:
    """``codes`` of elements of ``fmt``, taken apart."""
    return Unpacked(np.asarray(codes, np.int64), fmt)


def numbers(codes: Ints, fmt: FloatFormat) -> NDArray[np.float32]:
    """What ``codes`` of ``fmt`` mean; float32 has all of it."""
    greatest = codes & (1 << fmt.bits - 1) - 1
    exponent, fraction = greatest >> fmt.fraction_bits, greatest & (1 << fmt.fraction_bits) - 1
    significand = fraction | (exponent > 0).astype(np.int64) << fmt.fraction_bits
    place = np.maximum(exponent, 1) - 1 + fmt.unit
    with np.errstate(over="ignore"):  # of codes of infinities and NaNs
        value = np.ldexp(significand.astype(np.float32), place.astype(np.int32))
    if fmt.has_infinity:
        value = np.where(greatest == fmt.infinity, np.float32(np.inf), value)
    if fmt.has_nan:
        most = fmt.infinity if fmt.has_infinity else fmt.greatest
        value = np.where(greatest > most, np.float32(np.nan), value)
    return np.where(codes >> fmt.bits - 1 & 1, -value, value)


def binary32(values: NDArray[np.float32]) -> Ints:
    """Codes of ``values``, NaNs as :data:`NAN`."""
    codes = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.int64)
    return np.where(np.isnan(values), NAN, codes)


def narrow(codes: Ints, fmt: FloatFormat, *, saturate: bool = False) -> Ints:
    """Codes of ``fmt`` nearest to binary32 ``codes``, half to even.

    What is beyond the greatest number becomes that if ``saturate``, infinities included; otherwise
    an infinity, or a NaN where there are none. A NaN becomes :attr:`FloatFormat.nan`. Formats of
    numbers only saturate always, and a NaN becomes the greatest.
    """
    codes = np.asarray(codes, np.int64)
    sign, exponent, fraction = codes >> 31 & 1, codes >> 23 & 255, codes & (1 << 23) - 1
    significand = np.where(exponent > 0, fraction | 1 << 23, fraction)
    biased = np.maximum(exponent, 1) - 127 + fmt.bias
    field = np.maximum(biased - 1, 0)
    drop = np.minimum(23 - fmt.fraction_bits + np.maximum(1 - biased, 0), 25)
    kept, rest, half = significand >> drop, significand & (1 << drop) - 1, np.int64(1) << drop - 1
    up = (rest > half) | ((rest == half) & (kept & 1 == 1))
    found = (field << fmt.fraction_bits) + kept + up
    is_nan = (exponent == 255) & (fraction != 0)
    over = (found > fmt.greatest) | (exponent == 255)
    nan = fmt.nan if fmt.has_nan else fmt.greatest
    if saturate or not fmt.has_nan:
        found = np.where(over, fmt.greatest, found)
    elif fmt.has_infinity:
        found = np.where(over, fmt.infinity, found)
    else:
        found, sign = np.where(over, fmt.nan, found), np.where(over, 0, sign)
    return np.where(is_nan, nan, found | sign << fmt.bits - 1)
