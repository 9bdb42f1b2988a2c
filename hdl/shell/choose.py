"""A value out of several, by a bit for each."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from amaranth.hdl import Value

__all__ = ["choose"]


def choose(options: Iterable[tuple[Value, Value]]) -> Value:
    """The value whose bit is high; 0 if none is. No two bits are high at a time.

    Two options take one LUT of four inputs per bit, where a choice by number takes two.
    """
    found = []
    for bit, value in options:
        value = Value.cast(value)
        found.append(value & Value.cast(bit).replicate(len(value)))
    return reduce(or_, found)
