"""Codes of binary32."""

from amaranth.hdl import Cat, Const

__all__ = ["BIAS", "EXPONENT_BITS", "FRACTION_BITS", "NAN", "infinity", "magnitude_of"]

EXPONENT_BITS, FRACTION_BITS, BIAS = 8, 23, 127
NAN = 0x7FC00000
"""Every NaN that is a result."""


def infinity(sign):
    """Of that sign."""
    return Cat(Const(0, FRACTION_BITS), Const(-1, EXPONENT_BITS), sign)


def magnitude_of(exponent, fraction):
    """Significand of a field of the exponent and a fraction: 24 bits, the first 0 if subnormal."""
    return Cat(fraction, exponent.any())
