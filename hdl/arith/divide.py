"""Products and quotients without a multiplier."""

from amaranth.hdl import Cat, Const, Mux, Value

from ..config.fields import ceil_div

__all__ = ["ceil_div_by", "is_multiple", "scaled", "times"]


def ceil_div_by(value: Value, divisor: int) -> Value:
    """``value / divisor`` rounded up, ``value`` unsigned and at most 16 bits wide, else
    :class:`ValueError`.

    An adder where ``divisor`` is a power of two. Else the quotients of both halves of ``value``
    added up: each is looked up, and so is its remainder; a third comes from what remains of both.
    That is one adder after tables of half the bits, where a product with the reciprocal has three
    adders one after the other.
    """
    _refuse_others(value, divisor)
    bits = len(value)
    twos = divisor.bit_length() - 1
    if divisor == 1 << twos:
        return (value + (divisor - 1))[twos:]
    parts = _halves(value)
    rest = [_table(half, [n % divisor for n in numbers]) for half, numbers in parts]
    # Of both, rounded up: 0, 1 or 2 of `divisor`; the second goes with the lower half.
    more = sum(rest[1:], rest[0]) > divisor
    half, numbers = parts[0]
    lower, lower_more = (_table(half, [n // divisor + up for n in numbers]) for up in range(2))
    upper = [_table(half, [n // divisor for n in numbers]) for half, numbers in parts[1:]]
    total = sum(upper, Mux(more, lower_more, lower)) + Cat(rest).any()
    return total[: (ceil_div((1 << bits) - 1, divisor)).bit_length()]


def is_multiple(value: Value, divisor: int) -> Value:
    """Whether ``divisor`` divides ``value``, unsigned and at most 16 bits wide, else
    :class:`ValueError`; it divides 0.

    Remainders of both halves are looked up, that of the lower half as what it lacks: with no adder.
    """
    _refuse_others(value, divisor)
    twos = (divisor & -divisor).bit_length() - 1
    exact = value[:twos] == 0
    odd = divisor >> twos
    if odd == 1:
        return exact
    (low, below), *upper = _halves(value)
    lacks = _table(low, [-n % odd for n in below])
    rest = [_table(half, [n % odd for n in numbers]) for half, numbers in upper]
    return exact & (lacks == (rest[0] if rest else 0))


def _refuse_others(value: Value, divisor: int) -> None:
    """Raise :class:`ValueError` for what would be too large a table, or no divisor."""
    if not 1 <= len(value) <= 16 or divisor < 1:
        raise ValueError(f"must be 1 to 16 bits by 1 or more, not {len(value)} bits by {divisor}")


def _halves(value: Value) -> list[tuple[Value, list[int]]]:
    """Lower and upper half of ``value``, each with the numbers that its entries stand for; the
    lower one alone of a single bit."""
    low = (len(value) + 1) // 2
    parts = [(value[:low], 0), (value[low:], low)][: 1 + (len(value) > 1)]
    return [(half, [n << place for n in range(1 << len(half))]) for half, place in parts]


def _table(index: Value, entries: list[int]) -> Value:
    """Entry number ``index``, of as many as that can tell."""
    width = max(1, max(entries).bit_length())
    packed = sum(entry << n * width for n, entry in enumerate(entries))
    return Const(packed, len(entries) * width).word_select(index, width)


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
