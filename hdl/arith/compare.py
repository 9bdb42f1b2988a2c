"""Comparison of signed numbers."""

from amaranth.hdl import Cat, Shape, Signal, Value

__all__ = ["is_less"]


def is_less(m, name: str, x: Value, y: Value) -> Value:
    """``x < y``, both signed, through one carry chain; Yosys takes two for signed operands.

    With their sign bits exchanged they compare as unsigned numbers.
    """
    width = max(len(x), len(y))
    first, second = (Signal(Shape(width, True), name=f"{name}_{n}") for n in range(2))
    m.d.comb += [first.eq(x), second.eq(y)]
    return Cat(first[:-1], second[-1]) < Cat(second[:-1], first[-1])
