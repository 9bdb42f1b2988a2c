"""Number formats: what a bit pattern means and how wide sums and products of it get."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amaranth.hdl import Shape

__all__ = ["FORMAT_NAMES", "NARROW_FORMATS", "IntFormat", "Interval"]

FORMAT_NAMES = ("int4", "uint4", "int8", "uint8", "int16", "uint16")
"""Of elements in memory."""
NARROW_FORMATS = ("uint1", "int2", "uint2")
"""Of bare arrays only: nothing packs them in memory."""


@dataclass(frozen=True)
class Interval:
    """All integers from ``lo`` to ``hi``, both included: the values a wire can carry.

    Widths follow from values, not from other widths, so that no wire is a bit wider than its
    extremes need. ``lo`` must not exceed ``hi``; ``ValueError`` otherwise.
    """

    lo: int
    hi: int

    def __post_init__(self) -> None:
        if self.lo > self.hi:
            raise ValueError(f"Interval must have lo <= hi, not {self.lo} > {self.hi}")

    @property
    def signed(self) -> bool:
        """Whether a negative value is among them."""
        return self.lo < 0

    @property
    def bits(self) -> int:
        """Least width, in bits, that holds every value: two's complement if ``signed``."""
        if self.signed:
            return max((-self.lo - 1).bit_length(), self.hi.bit_length()) + 1
        return max(1, self.hi.bit_length())

    @property
    def shape(self) -> "Shape":
        """Amaranth shape of ``bits`` and ``signed``."""
        from amaranth.hdl import Shape  # late: software reads configurations without Amaranth

        return Shape(self.bits, self.signed)

    @property
    def magnitude(self) -> int:
        """Largest absolute value."""
        return max(-self.lo, self.hi)

    def __mul__(self, other: "Interval") -> "Interval":
        """Every product of one value from each."""
        corners = [a * b for a in (self.lo, self.hi) for b in (other.lo, other.hi)]
        return Interval(min(corners), max(corners))

    def sum(self, count: int) -> "Interval":
        """Every sum of ``count`` values, ``count`` at least 1."""
        return Interval(self.lo * count, self.hi * count)

    def some(self, count: int) -> "Interval":
        """Every sum of none to all of ``count`` values, ``count`` at least 1."""
        return Interval(min(0, self.lo) * count, max(0, self.hi) * count)


@dataclass(frozen=True)
class IntFormat:
    """An integer format of ``bits`` bits, two's complement if ``signed``.

    Formats own the width rules: :meth:`operand` says what reaches a multiplier, and products and
    sums of operands are :class:`Interval` arithmetic.
    """

    bits: int
    signed: bool

    @classmethod
    def parse(cls, name: str) -> "IntFormat":
        """Format named ``name``, wide or narrow; ``ValueError`` otherwise."""
        names = (*FORMAT_NAMES, *NARROW_FORMATS)
        match = re.fullmatch(r"(u?)int(\d+)", name) if name in names else None
        if match is None:
            raise ValueError(f"Format must be one of {', '.join(names)}, not {name!r}")
        return cls(int(match[2]), match[1] == "")

    @property
    def values(self) -> Interval:
        """Values that a stored element can have."""
        if self.signed:
            return Interval(-1 << (self.bits - 1), (1 << (self.bits - 1)) - 1)
        return Interval(0, (1 << self.bits) - 1)

    def operand(self, zero_points: bool) -> Interval:
        """Values that enter a multiplier.

        Without zero points these are the stored values. With them signedness is chosen at run
        time and a zero point of the same signedness is subtracted: one bit wider, always signed.
        """
        if not zero_points:
            return self.values
        limit = (1 << self.bits) - 1
        return Interval(-limit, limit)
