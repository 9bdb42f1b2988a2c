"""Floating-point formats: their fields, and the fixed-point numbers that they are."""

from dataclasses import dataclass

from .interval import Interval

__all__ = ["ELEMENT_FORMATS", "FLOAT_FORMATS", "FloatFormat"]


@dataclass(frozen=True)
class FloatFormat:
    """A sign, ``exponent_bits`` and ``fraction_bits``, from the top, with subnormals.

    An element in memory is its code, an unsigned number. A finite one is
    ``significand · 2^(place + unit)``: the significand an integer with a sign, ``place`` from 0.

    Parameters
    ----------
    name : str
    exponent_bits, fraction_bits : int
    has_infinity : bool
        The greatest exponent is for infinities and NaNs, as IEEE 754 has it.
    has_nan : bool
        Without infinities: its greatest code is a NaN, of either sign.
    """

    name: str
    exponent_bits: int
    fraction_bits: int
    has_infinity: bool = True
    has_nan: bool = True

    signed = False
    """Of the code."""

    @property
    def bits(self) -> int:
        """Of an element."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def values(self) -> Interval:
        """Codes."""
        return Interval(0, (1 << self.bits) - 1)

    @property
    def bias(self) -> int:
        """What is subtracted from the field of the exponent."""
        return (1 << self.exponent_bits - 1) - 1

    @property
    def unit(self) -> int:
        """The least positive number is 2 to this."""
        return 1 - self.bias - self.fraction_bits

    @property
    def top(self) -> int:
        """Field of the exponent of the greatest finite number."""
        return (1 << self.exponent_bits) - 1 - self.has_infinity

    @property
    def places(self) -> int:
        """Greatest ``place``: subnormals, and the least normal numbers, are at 0."""
        return self.top - 1

    @property
    def significand(self) -> Interval:
        """Of finite elements."""
        most = (2 << self.fraction_bits) - 1
        return Interval(-most, most)

    @property
    def fixed(self) -> Interval:
        """Finite elements, divided by 2^unit."""
        all_ones = self.has_nan and not self.has_infinity
        most = (self.significand.hi - all_ones) << self.places
        return Interval(-most, most)

    @property
    def greatest(self) -> int:
        """Code of the greatest number."""
        all_ones = self.has_nan and not self.has_infinity
        return (self.top + 1 << self.fraction_bits) - 1 - all_ones

    @property
    def infinity(self) -> int:
        """Code of +∞; ``ValueError`` if there is none."""
        if not self.has_infinity:
            raise ValueError(f"{self.name} has no infinity")
        return self.top + 1 << self.fraction_bits

    @property
    def nan(self) -> int:
        """Code of the NaN that results are; ``ValueError`` if there is none."""
        if not self.has_nan:
            raise ValueError(f"{self.name} has no NaN")
        if self.has_infinity:
            return self.infinity | 1 << self.fraction_bits - 1
        return self.greatest + 1

    @property
    def specials(self) -> int:
        """Bits that tell what is not finite: a NaN, an infinity."""
        return self.has_nan + self.has_infinity

    def operand(self, zero_points: bool) -> Interval:
        """Values that enter a multiplier; there are no zero points."""
        return self.significand


FLOAT_FORMATS = {
    found.name: found
    for found in (
        FloatFormat("e4m3", 4, 3, has_infinity=False),
        FloatFormat("e5m2", 5, 2),
        FloatFormat("fp16", 5, 10),
        FloatFormat("bf16", 8, 7),
        FloatFormat("e2m1", 2, 1, has_infinity=False, has_nan=False),
    )
}
"""By name: OCP's FP8 formats, e4m3 being the one without infinities, IEEE 754's binary16,
bfloat16, and OCP's FP4, which has numbers only."""

ELEMENT_FORMATS = ("e4m3", "e5m2", "fp16", "e2m1")
"""Of operands."""
