"""Products and quotients without a multiplier."""

from amaranth.hdl import Const, Mux, Value

__all__ = ["ceil_div_by", "times"]


def ceil_div_by(value: Value, divisor: int) -> Value:
    """``value / divisor`` rounded up, ``value`` unsigned and at most 16 bits wide.

    Wires where ``divisor`` is a power of two, else a multiplication by a constant.
    """
    bits = len(value)
    if not 1 <= bits <= 16 or divisor < 1:
        raise ValueError(f"must be 1 to 16 bits by 1 or more, not {bits} bits by {divisor}")
    raised = value + (divisor - 1)
    if divisor & (divisor - 1) == 0:
        return raised[divisor.bit_length() - 1 :]
    # Round-up method: the reciprocal has enough bits for the error to stay below 1 / divisor.
    shift = len(raised) + divisor.bit_length()
    return (raised * ((1 << shift) // divisor + 1))[shift:]


def times(value: Value, factor: Value) -> Value:
    """``value * factor``, both unsigned, for a factor of a few bits: a chain of adders."""
    total: Value = Const(0, 0)
    for n in range(len(factor)):
        total = total + Mux(factor[n], value << n, 0)
    return total
