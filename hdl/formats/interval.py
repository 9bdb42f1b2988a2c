"""Integers that a wire can carry, and how wide it is for them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amaranth.hdl import Shape

__all__ = ["Interval"]


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
