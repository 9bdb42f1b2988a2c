"""Products and quotients without a multiplier."""

from amaranth.hdl import Const, Mux, Value

__all__ = ["ceil_div_by", "scaled", "times"]


def ceil_div_by(value: Value, divisor: int) -> Value:
    """``value / divisor`` rounded up, ``value`` unsigned and at most 16 bits wide.

    An adder where ``divisor`` is a power of two, else adders for each one in the reciprocal of its
    odd part.
    """
    bits = len(value)
    if not 1 <= bits <= 16 or divisor < 1:
        raise ValueError(f"must be 1 to 16 bits by 1 or more, not {bits} bits by {divisor}")
    twos = (divisor & -divisor).bit_length() - 1
    value = (value + ((1 << twos) - 1))[twos:]
    odd = divisor >> twos
    if odd == 1:
        return value
    raised = value + (odd - 1)
    # Round-up method: the reciprocal has enough bits for the error to stay below 1 / odd.
    shift = len(raised) + odd.bit_length()
    return scaled(raised, (1 << shift) // odd + 1)[shift:]


def scaled(value: Value, factor: int) -> Value:
    """``value * factor``, unsigned, for a constant of 1 or more: a tree of adders, as devices are
    short of multipliers."""
    terms = [value << n for n in range(factor.bit_length()) if factor >> n & 1]
    while len(terms) > 1:
        pairs = [x + y for x, y in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
    return terms[0]


def times(value: Value, factor: Value) -> Value:
    """``value * factor``, both unsigned, for a factor of a few bits: a chain of adders."""
    total: Value = Const(0, 0)
    for n in range(len(factor)):
        total = total + Mux(factor[n], value << n, 0)
    return total
