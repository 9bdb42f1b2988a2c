"""Integers: zero points are subtracted, sums are exact modulo 2^acc_bits."""

from typing import Any

from ...formats import Format, Interval
from ..fields import ConfigError
from .base import Number

__all__ = ["Integers"]


class Integers(Number):
    name = "integers"
    most_sum_bits = 32
    results = 32
    minor = 2

    def check(self, core: Any) -> None:
        for name in ("acc_bits", "psum_bits"):
            if (bits := getattr(core, name)) > 64:
                rule = "at most 64 with integer formats"
                raise ConfigError(f"{core.table}.{name}", rule, bits)

    def term(self, core: Any) -> Interval:
        found: Interval = core.product
        return found

    def finishing(self, core: Any) -> tuple[int, int]:
        """Picked and biased; requantised."""
        return 2, 16

    def moving(self, fmt: Format, zero_points: bool) -> Interval:
        """What enters a multiplier."""
        return fmt.operand(zero_points)
