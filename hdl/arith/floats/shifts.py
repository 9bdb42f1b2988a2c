"""Shifts among all that there are, and the place of the first one."""

from amaranth.hdl import Cat, Const, Mux

__all__ = ["down", "leading_zeros", "up_by"]


def down(value, amount, unit: int):
    """``value`` shifted down by ``amount · unit``; the lowest bit tells of all that is lost."""
    found = value
    for n in range(1, 1 << len(amount)):
        by = min(n * unit, len(value) - 1)
        moved = Cat(value[: by + 1].any(), value[by + 1 :], Const(0, by))
        found = Mux(amount == n, moved, found)
    return found


def up_by(value, amount, unit: int):
    """``value`` shifted up by ``amount · unit``, as wide."""
    found = value
    for n in range(1, 1 << len(amount)):
        by = min(n * unit, len(value))
        found = Mux(amount == n, Cat(Const(0, by), value)[: len(value)], found)
    return found


def leading_zeros(value):
    """Zeros above the first one of ``value``; if it is 0, all of them."""
    found = Const(len(value), 5)
    for n in range(len(value)):
        found = Mux(value[n], Const(len(value) - 1 - n, 5), found)
    return found
