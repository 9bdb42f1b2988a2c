"""What a product is asked for besides its matrices."""

from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from .arguments import DTYPES, integer, refused
from .descriptor import FORMATS, Descriptor
from .target import Target

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """Format of the result, zero points, bounds and rounding of 8-bit results.

    ``low`` and ``high`` left out are those of the format. ``binary32``: scaled sums are rounded to
    binary32 before they are rounded to integers.
    """

    format: str = "int32"
    a_zero: SupportsIndex = 0
    b_zero: SupportsIndex = 0
    zero: SupportsIndex = 0
    low: SupportsIndex | None = None
    high: SupportsIndex | None = None
    binary32: bool = False

    @property
    def dtype(self) -> np.dtype:
        """Of the result."""
        return DTYPES[self.format]

    def job(
        self, target: Target, sizes: tuple[int, int, int], a: np.dtype, b: np.dtype
    ) -> Descriptor:
        """A descriptor of M, N, K = ``sizes`` for operands of ``a`` and ``b``, without addresses.

        ``UserError`` for what the machine or the formats do not allow.
        """
        if not isinstance(self.format, str) or self.format not in FORMATS:
            raise refused("format", f"one of {', '.join(FORMATS)}", self.format)
        zeros: dict[str, Any] = {}
        for name, kind in (("a", a), ("b", b)):
            bits, signed = getattr(target, f"{name}_bits"), kind.kind == "i"
            self._check_sign(target, name, kind, f"int{bits}")
            zero, where = getattr(self, f"{name}_zero"), ""
            low, high = (-1 << bits - 1, (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
            if not target.zero_points:
                low, high, where = 0, 0, " on this machine"
            zeros[f"{name}_zero"] = integer(f"{name}_zero", zero, low, high, where)
        if not isinstance(self.binary32, bool | np.bool_):
            raise refused("binary32", "True or False", self.binary32)
        if self.binary32 and (self.format == "int32" or not target.binary32):
            where = "with format int32" if self.format == "int32" else "on this machine"
            raise refused("binary32", f"left out {where}", True)
        m, n, k = sizes
        return Descriptor(
            m, n, k, a_signed=a.kind == "i", b_signed=b.kind == "i", format=self.format,
            binary32=bool(self.binary32), **zeros, **self._clamp(),
        )  # fmt: skip

    def _check_sign(self, target: Target, name: str, kind: np.dtype, called: str) -> None:
        """Without zero points signs are those of the formats, but for an A of either."""
        if target.zero_points or (name == "a" and target.either_sign):
            return
        signed = getattr(target, f"{name}_signed")
        if (kind.kind == "i") != signed:
            wanted, given = (called, f"u{called}") if signed else (f"u{called}", called)
            raise refused(name, f"{wanted} on this machine", kind, given)

    def check_scale(self, scale: object) -> None:
        """``UserError`` if there is a ``scale`` that the format does not have."""
        if self.format == "int32" and not (isinstance(scale, float) and scale == 1.0):
            raise refused("scale", "left out with format int32", scale)

    def _clamp(self) -> dict[str, Any]:
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
        return {"zero": zero, "low": low, "high": high}
