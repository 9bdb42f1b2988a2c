"""Sums of several terms through one carry chain."""

from amaranth.hdl import Cat, Const, Signal, Value

__all__ = ["carry_save"]


def carry_save(m, name: str, width: int, *terms) -> Value:
    """Sum of ``terms`` modulo 2^``width``, each extended by its sign: a LUT level per three."""
    rows = []
    for n, term in enumerate(terms):
        row = Signal(width, name=f"{name}_{n}")
        m.d.comb += row.eq(term)
        rows.append(row)
    while len(rows) > 2:
        x, y, z, *rest = rows
        carries = (x & y) | (x & z) | (y & z)
        rows = [*rest, x ^ y ^ z, Cat(Const(0, 1), carries)[:width]]
    return (rows[0] + rows[1])[:width] if len(rows) > 1 else rows[0]
