"""Numbers on the ports of units of arrays: whole ones, floating-point numbers in fixed point."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import ArrayConfig, IntFormat
from insitu.hdl.config.numbers import EXACT
from insitu.hdl.formats import FloatFormat
from insitu.program.codes import binary32, narrow, unpack

from .drive import bits
from .workloads import Operands

__all__ = ["Ports", "ports_of"]

Ints = NDArray[np.int64]
Bits = NDArray[np.uint8]


class Ports(Protocol):
    """How whole numbers of a workload are told to a unit, […][n] of them to […][n·width] bits."""

    def operands(self) -> Operands:
        """What a workload draws."""

    def stored(self, x: str, values: Ints) -> Bits:
        """Elements of operand ``x`` on a stream."""

    def moving(self, x: str, values: Ints) -> Bits:
        """Elements of operand ``x`` inside an array."""

    def sums(self, values: Ints, width: int) -> Bits:
        """Sums of ``width`` bits."""


class _Integers:
    def __init__(self, c: ArrayConfig) -> None:
        self._c = c

    def operands(self) -> Operands:
        """Signed ones where each beat says it, else those of the formats."""
        c = self._c
        a, b = (IntFormat(x.bits, x.signed or c.zero_points).values for x in (c.a, c.b))
        return Operands(a, b, max(c.a_operand.hi, c.a.values.hi))

    def stored(self, x: str, values: Ints) -> Bits:
        return bits(values, {"a": self._c.a, "b": self._c.b}[x].bits)

    def moving(self, x: str, values: Ints) -> Bits:
        return bits(values, {"a": self._c.a_operand, "b": self._c.b_operand}[x].bits)

    def sums(self, values: Ints, width: int) -> Bits:
        return bits(values, width)


class _Floats:
    """Numbers are multiples of their format's least one, of variance 1, so that sums fit int64."""

    def __init__(self, a: FloatFormat, b: FloatFormat, c: ArrayConfig) -> None:
        self._formats, self._c = {"a": a, "b": b}, c

    def operands(self) -> Operands:
        a, b = self._formats.values()
        return Operands(a.fixed, b.fixed, a.fixed.hi, self._drawn)

    def _drawn(self, x: str, rng: np.random.Generator, size: tuple[int, ...]) -> Ints:
        fmt = self._formats[x]
        most = 2.0 ** min(3, fmt.top - fmt.bias)  # 8, or what the format has
        values = np.clip(rng.normal(size=size), -most, most).astype(np.float32)
        return unpack(narrow(binary32(values), fmt), fmt).fixed

    def _codes(self, x: str, values: Ints) -> Ints:
        fmt = self._formats[x]
        return narrow(binary32((values * 2.0**fmt.unit).astype(np.float32)), fmt)

    def stored(self, x: str, values: Ints) -> Bits:
        return bits(self._codes(x, values), self._formats[x].bits)

    def moving(self, x: str, values: Ints) -> Bits:
        """Significand and place; bits for what is not finite are 0."""
        fmt, codes = self._formats[x], self._codes(x, values)
        exponent = codes >> fmt.fraction_bits & (1 << fmt.exponent_bits) - 1
        place = np.maximum(exponent, 1) - 1
        width = fmt.significand.bits
        words = (values >> place) & (1 << width) - 1 | place << width
        return bits(words, self._c.number.moving(fmt, False).bits)

    def sums(self, values: Ints, width: int) -> Bits:
        """Above the flags, of which none is set."""
        spread = bits(values, width).reshape(*values.shape, width)
        flags = np.zeros((*values.shape, EXACT.flags), np.uint8)
        return np.concatenate([flags, spread], axis=-1).reshape(*values.shape[:-1], -1)


def ports_of(c: ArrayConfig) -> Ports:
    """Those of an array's units."""
    if isinstance(c.a, FloatFormat) and isinstance(c.b, FloatFormat):
        return _Floats(c.a, c.b, c)
    return _Integers(c)
