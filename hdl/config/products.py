"""Dot products: widths and latencies of the multipliers and the tree that make one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..formats import Interval
from .fields import ConfigError, ceil_div, ceil_log2

__all__ = ["MULTIPLIERS", "DotConfig", "Products"]

MULTIPLIERS = ("dsp", "inferred", "lut")


class Products:
    """What follows from operands, their number, the multiplier and the target.

    A class that inherits has the attributes below: ``a_operand`` and ``b_operand``, the values that
    enter a multiplier, ``dot`` products per sum, ``target`` and ``multiplier`` as of
    :class:`~insitu.hdl.config.ArrayConfig`.
    """

    dot: int
    target: str
    multiplier: str

    if TYPE_CHECKING:

        @property
        def a_operand(self) -> Interval: ...

        @property
        def b_operand(self) -> Interval: ...

    @property
    def product(self) -> Interval:
        """One product."""
        return self.a_operand * self.b_operand

    @property
    def term(self) -> Interval:
        """What a product adds to a sum."""
        return self.product

    @property
    def dot_sum(self) -> Interval:
        """Sum of ``dot`` products."""
        return self.term.sum(self.dot)

    def dsp_bits(self, operand: Interval) -> int:
        """Bits that ``operand`` needs of a DSP: MULT18X18D is used signed throughout; SB_MAC16
        takes either signedness."""
        return operand.bits + (self.target == "ecp5" and not operand.signed)

    def check_dsp(self, table: str, a: tuple[str, object], b: tuple[str, object]) -> None:
        """Refuse DSPs that do not exist or are too narrow; ``a`` and ``b``: the operands' fields,
        and their values as they are shown."""
        if self.multiplier != "dsp":
            return
        if self.target == "generic":
            rule = "'inferred' or 'lut' where target is 'generic'"
            raise ConfigError(f"{table}.multiplier", rule, "dsp")
        limit = {"ecp5": 18, "ice40": 16}[self.target]
        for operand, (name, value) in ((self.a_operand, a), (self.b_operand, b)):
            if self.dsp_bits(operand) > limit:
                rule = f"a format whose operands fit the {limit} bits of an {self.target} DSP"
                raise ConfigError(f"{table}.{name}", rule, value)

    @property
    def pack_shift(self) -> int | None:
        """ECP5: distance in bits of two weights that share a multiplier and an activation.

        ``None`` if two exact products do not fit one 18×18 multiplier.
        """
        if (self.target, self.multiplier) != ("ecp5", "dsp"):
            return None
        shift = self.product.bits
        packed = Interval(
            (self.b_operand.lo << shift) + self.b_operand.lo,
            (self.b_operand.hi << shift) + self.b_operand.hi,
        )
        fits = self.dsp_bits(packed) <= 18 and self.dsp_bits(self.a_operand) <= 18
        return shift if fits else None

    @property
    def halves(self) -> bool:
        """iCE40: whether an SB_MAC16 does two 8×8 products instead of one 16×16."""
        return (
            (self.target, self.multiplier) == ("ice40", "dsp")
            and self.a_operand.bits <= 8
            and self.b_operand.bits <= 8
        )

    def dsps_of(self, cols: int) -> int:
        """DSP instances of ``cols`` columns that share activations; 0 without DSPs."""
        if self.multiplier != "dsp":
            return 0
        if self.halves:
            return ceil_div(cols * self.dot, 2)
        return self.dot * (cols if self.pack_shift is None else ceil_div(cols, 2))

    @property
    def multiplier_latency(self) -> int:
        """Operands to product.

        ``dsp`` on ECP5: input, pipeline and output registers and one in the fabric; on iCE40:
        input, pipeline and output registers. ``inferred``: two registers. ``lut``: digits
        selected, in a cycle of their own if there are at most 7, then a registered adder per level.
        """
        if self.multiplier == "dsp":
            return 4 if self.target == "ecp5" else 3
        if self.multiplier == "inferred":
            return 2
        return (self.booth_digits <= 7) + ceil_log2(self.booth_digits + 1)

    @property
    def booth_digits(self) -> int:
        """Radix-4 digits of a weight."""
        return ceil_div(self.b_operand.bits + (not self.b_operand.signed), 2)

    @property
    def tree_latency(self) -> int:
        """Products to their sum: a registered adder per level."""
        return ceil_log2(self.dot)


@dataclass(frozen=True)
class DotConfig(Products):
    """A dot product alone, as :class:`~insitu.hdl.arith.DotProduct` takes it."""

    a_operand: Interval
    b_operand: Interval
    dot: int
    target: str
    multiplier: str
