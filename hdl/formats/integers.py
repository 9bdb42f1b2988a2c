"""Integer formats."""

import re
from dataclasses import dataclass

from .interval import Interval

__all__ = ["FORMAT_NAMES", "NARROW_FORMATS", "IntFormat"]

FORMAT_NAMES = ("int4", "uint4", "int8", "uint8", "int16", "uint16")
"""Of elements in memory."""
NARROW_FORMATS = ("uint1", "int2", "uint2")
"""Of bare arrays only: nothing packs them in memory."""


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
