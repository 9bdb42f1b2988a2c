"""Words of the descriptor window, each field where the register map has it."""

from . import registers
from .registers import Field

__all__ = ["fields", "window"]

PREFIX = "DESCRIPTOR_"


def _fields() -> dict[str, tuple[int, Field]]:
    """Address and place of each field: "flags_order", and "m" for a register's only one."""
    found, names = {}, vars(registers)
    for name, value in names.items():
        if name.startswith(PREFIX) and isinstance(value, Field):
            register = max(
                (r for r, a in names.items() if isinstance(a, int) and name.startswith(f"{r}_")),
                key=len,
            )
            key = name.removeprefix(PREFIX).removesuffix("_VALUE").lower()
            found[key] = (names[register], value)
    return found


FIELDS = _fields()
FIRST = registers.DESCRIPTOR_FLAGS
WORDS = (registers.DESCRIPTOR_RESERVED - FIRST) // 4 + registers.DESCRIPTOR_RESERVED_COUNT


def window(**values: int) -> list[int]:
    """The words of the window, in order.

    >>> window(flags_version=1, m=64, clamp_low=-128)[1]
    64

    Parameters
    ----------
    values : int
        By field; those not given are 0. Negative ones as two's complement.

    Raises
    ------
    ValueError
        If there is no such field, or a value does not fit it.
    """
    words = [0] * WORDS
    for name, value in values.items():
        if name not in FIELDS:
            raise ValueError(f"{name}: must be one of {', '.join(FIELDS)}")
        address, field = FIELDS[name]
        low, high = -(1 << field.bits - 1), (1 << field.bits) - 1
        if not low <= value <= high:
            raise ValueError(f"{name}: must be from {low} to {high}, not {value}")
        words[(address - FIRST) // 4] |= (value & high) << field.low
    return words


def fields(words: list[int]) -> dict[str, int]:
    """Values by field of the ``words`` of a window, as unsigned numbers: the inverse."""
    return {
        name: words[(address - FIRST) // 4] >> field.low & (1 << field.bits) - 1
        for name, (address, field) in FIELDS.items()
    }
