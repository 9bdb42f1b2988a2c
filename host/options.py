"""What a product is asked for besides its matrices."""

from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from insitu.program.arguments import DTYPES, HostError, integer, refused

from .board import Board

__all__ = ["Options"]

FORMATS = ("int32", "int8", "uint8")
"""As the flags of a descriptor number them."""


@dataclass(frozen=True)
class Options:
    """Format of the result, zero points, and bounds of 8-bit results.

    ``low`` and ``high`` left out are those of the format.
    """

    format: str = "int32"
    a_zero: SupportsIndex = 0
    b_zero: SupportsIndex = 0
    zero: SupportsIndex = 0
    low: SupportsIndex | None = None
    high: SupportsIndex | None = None

    @property
    def dtype(self) -> np.dtype:
        """Of the result."""
        return DTYPES[self.format]

    def fields(self, board: Board, a: np.dtype, b: np.dtype) -> dict[str, int]:
        """Those of a descriptor, for operands of ``a`` and ``b``.

        ``HostError`` for what the board or the formats do not allow.
        """
        if not isinstance(self.format, str) or self.format not in FORMATS:
            raise refused("format", f"one of {', '.join(FORMATS)}", self.format)
        found = {
            "flags_a_signed": int(a.kind == "i"),
            "flags_b_signed": int(b.kind == "i"),
            "flags_format": FORMATS.index(self.format),
        }
        for name, kind, bits in (("a", a, board.a_bits), ("b", b, board.b_bits)):
            if bits != 8:
                raise HostError(
                    f"{name}: must be of {bits} bits on this board, which this driver cannot do"
                )
            self._check_sign(board, name, kind)
            zero = getattr(self, f"{name}_zero")
            limits: Any = np.iinfo(kind)
            low, high = int(limits.min), int(limits.max)
            where = ""
            if not board.zero_points:
                low, high, where = 0, 0, " on this board"
            found[f"zeros_{name}"] = integer(f"{name}_zero", zero, low, high, where)
        return found | self._clamp()

    def _check_sign(self, board: Board, name: str, kind: np.dtype) -> None:
        """Without zero points signs are those of the board's formats, but for an A of either."""
        if board.zero_points or (name == "a" and board.either_sign):
            return
        wanted = "uint8" if getattr(board, f"{name}_unsigned") else "int8"
        if kind.name != wanted:
            raise refused(name, f"{wanted} on this board", kind, kind.name)

    def check_scale(self, scale: object) -> None:
        """``HostError`` if there is a ``scale`` that the format does not have."""
        if self.format == "int32" and not (isinstance(scale, float) and scale == 1.0):
            raise refused("scale", "left out with format int32", scale)

    def _clamp(self) -> dict[str, int]:
        if self.format == "int32":
            integer("zero", self.zero, 0, 0, " with format int32")
            for name in ("low", "high"):
                if (value := getattr(self, name)) is not None:
                    raise refused(name, "left out with format int32", value)
            return {}
        limits: Any = np.iinfo(self.dtype)
        low, high = int(limits.min), int(limits.max)
        zero = integer("zero", self.zero, low, high)
        low = low if self.low is None else integer("low", self.low, low, high)
        high = high if self.high is None else integer("high", self.high, low, high)
        return {"clamp_zero": zero, "clamp_low": low, "clamp_high": high}
