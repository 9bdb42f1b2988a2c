"""Floating point with exact sums: products are added up in fixed point and rounded once."""

from dataclasses import dataclass
from typing import Any

from ...formats import FloatFormat, Format, Interval
from ..fields import ConfigError, ceil_log2
from .base import Number

__all__ = ["ExactFloats", "Unpacked"]


@dataclass(frozen=True)
class Unpacked:
    """An element taken apart: significand, place, and what it is if it is not finite.

    An infinity has a significand with its sign; of a NaN significand and place mean nothing.
    """

    fmt: FloatFormat

    @property
    def place_bits(self) -> int:
        """Of the place."""
        return self.fmt.places.bit_length()

    @property
    def bits(self) -> int:
        """Of all."""
        return self.fmt.significand.bits + self.place_bits + self.fmt.specials

    @property
    def shape(self) -> Any:
        """Fields ``significand``, ``place``, ``nan``, ``infinite``."""
        from amaranth.hdl import unsigned  # late: software reads configurations without Amaranth
        from amaranth.lib.data import StructLayout

        return StructLayout(
            {
                "significand": self.fmt.significand.shape,
                "place": unsigned(self.place_bits),
                "nan": unsigned(self.fmt.has_nan),
                "infinite": unsigned(self.fmt.has_infinity),
            }
        )


class ExactFloats(Number):
    """A sum is an integer, in units of the product of both formats' least numbers; its flags tell
    of a NaN, of +∞ and of −∞. It is rounded to binary32 once, to which bias and D are added then.
    """

    name = "exact"
    flags = 3
    format_bits = 3
    job_flags = ("saturates",)
    align_latency = 2
    addend_bits = 32
    most_sum_bits = 128
    results = 64
    minor = 3

    def check(self, core: Any) -> None:
        for name in ("a_format", "b_format"):
            if not isinstance(getattr(core, name[0]), FloatFormat):
                rule = "a floating-point format, as the other operand's is"
                raise ConfigError(f"{core.table}.{name}", rule, getattr(core, name))
        if core.zero_points:
            raise ConfigError(
                f"{core.table}.zero_points", "false with floating-point formats", True
            )
        if core.dot != 1:
            raise ConfigError(f"{core.table}.dot", "1 with floating-point formats", core.dot)

    def unit(self, core: Any) -> int:
        """A sum counts 2 to this."""
        return int(core.a.unit + core.b.unit)

    def places(self, core: Any) -> int:
        """Places by which a product of significands is shifted at most."""
        return int(core.a.places + core.b.places)

    def term(self, core: Any) -> Interval:
        found: Interval = core.a.fixed * core.b.fixed
        return found

    def finishing(self, core: Any) -> tuple[int, int]:
        """Picked, rounded, bias and D added, narrowed, whether that is wanted or not."""
        cycles = 1 + (3 + ceil_log2(core.acc_bits)) + 2 * 11 + 6
        return cycles, cycles

    def moving(self, fmt: Format, zero_points: bool) -> Unpacked:
        assert isinstance(fmt, FloatFormat)
        return Unpacked(fmt)
