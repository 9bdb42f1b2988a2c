"""Sums of several terms through one carry chain."""

from amaranth.hdl import Cat, Const, Signal, Value

__all__ = ["carry_save", "three_to_two"]


def three_to_two(x: Value, y: Value, z: Value) -> list[Value]:
    """Two words with the sum of three, modulo 2 to their common width: a LUT level."""
    carries = (x & y) | (x & z) | (y & z)
    return [x ^ y ^ z, Cat(Const(0, 1), carries)[: len(x)]]


def carry_save(m, name: str, width: int, *terms) -> Value:
    """Sum of ``terms`` modulo 2^``width``, each extended by its sign: a LUT level per three."""
    rows = []
    for n, term in enumerate(terms):
        row = Signal(width, name=f"{name}_{n}")
        m.d.comb += row.eq(term)
        rows.append(row)
    while len(rows) > 2:
        rows = [*rows[3:], *three_to_two(*rows[:3])]
    return (rows[0] + rows[1])[:width] if len(rows) > 1 else rows[0]
