"""Division by constants."""

from amaranth.hdl import Value

__all__ = ["ceil_div_by"]


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
