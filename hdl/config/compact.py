"""The compact machine, for devices that the whole shell does not fit: every size of it."""

from dataclasses import dataclass

from .array import ArrayConfig
from .fields import ConfigError, ceil_log2, check_fields, limits

__all__ = ["COMPACT_COUNTERS", "RESULT_BITS", "CompactConfig"]

COMPACT_COUNTERS = ("cycles", "a_words", "b_words", "column_words", "c_elements", "macs")
"""Counters that a compact machine may have."""
"""Counters it can have, names as in the register map."""
RESULT_BITS = 32
"""Bits of a sum with its bias."""


@dataclass(frozen=True)
class CompactConfig:
    """A machine with its own memory, see :class:`~insitu.hdl.compact.CompactMachine`.

    Parameters
    ----------
    array : ArrayConfig
        Rows of A side by side (1 to 4), one column, ``dot`` of 8; int8 without zero points, sums of
        32 bits. Only these figures are taken from it; the datapath is the machine's own.
    memory : int
        Bytes, a power of two from 1 KiB to 128 KiB.
    k_max : int
        Largest K, a power of two from 16 to 2048: so many elements of each row of A are kept.
    step : int
        Bits of the scale that the requantiser multiplies by in a cycle: a divisor of 24 up to 8.
    counter_bits : int
        Bits of a counter, which wraps, 16 to 32.
    counters : tuple of str
        Counters that there are, from :data:`COMPACT_COUNTERS`; the others read as 0.

    Raises
    ------
    ConfigError
        For any value out of range and any combination that cannot be built.
    """

    array: ArrayConfig
    memory: int = limits(1 << 10, 1 << 17, 1 << 17)
    k_max: int = limits(16, 1 << 11, 1 << 11)
    step: int = limits(1, 8, 4)
    counter_bits: int = limits(16, 32, 32)
    counters: tuple[str, ...] = COMPACT_COUNTERS

    def __post_init__(self) -> None:
        check_fields(self, "compact")
        if type(self.array) is not ArrayConfig:
            raise ConfigError("compact.array", "an ArrayConfig", self.array)
        for name in ("memory", "k_max"):
            value = getattr(self, name)
            if value & (value - 1):
                raise ConfigError(f"compact.{name}", "a power of two", value)
        if 24 % self.step:
            raise ConfigError("compact.step", "a divisor of 24", self.step)
        if not isinstance(self.counters, list | tuple):
            raise ConfigError("compact.counters", "a list of names", self.counters)
        for name in self.counters:
            if name not in COMPACT_COUNTERS or self.counters.count(name) > 1:
                rule = f"of {', '.join(COMPACT_COUNTERS)}, each once"
                raise ConfigError("compact.counters", rule, list(self.counters))
        # As a configuration of TOML has a list, which is in no hash.
        object.__setattr__(self, "counters", tuple(self.counters))
        array = self.array
        for field, rule, good in (
            ("flow", "'os'", array.flow == "os"),
            ("rows", "from 1 to 4", array.rows <= 4),
            ("cols", "1", array.cols == 1),
            ("dot", "8", array.dot == 8),
            ("a_format", "'int8'", array.a_format == "int8"),
            ("b_format", "'int8'", array.b_format == "int8"),
            ("zero_points", "false", not array.zero_points),
            ("acc_bits", "32", array.acc_bits == RESULT_BITS),
        ):
            if not good:
                rule += " in a compact machine"
                raise ConfigError(f"array.{field}", rule, getattr(array, field))
        if array.target == "ice40" and self.memory != 1 << 17:
            raise ConfigError("compact.memory", "131072 where it is SPRAM", self.memory)

    @property
    def word_bytes(self) -> int:
        """Bytes of a memory word."""
        return self.array.dot

    @property
    def word_log2(self) -> int:
        """The same, as a power of two."""
        return ceil_log2(self.word_bytes)

    @property
    def words(self) -> int:
        """Words of memory."""
        return self.memory // self.word_bytes

    @property
    def addr_bits(self) -> int:
        """Bits of a word's address."""
        return ceil_log2(self.words)

    @property
    def size_bits(self) -> int:
        """Bits of M and N: larger ones could not lie in the memory without overlap."""
        return self.addr_bits

    @property
    def k_words(self) -> int:
        """Words of a row of A at most."""
        return self.k_max // self.word_bytes

    @property
    def product_bits(self) -> int:
        """A product of an element of either signedness by a weight, negated, as a DSP gives it."""
        return 16

    @property
    def dot_bits(self) -> int:
        """Sum of a word's products."""
        return self.product_bits + ceil_log2(self.array.dot)

    @property
    def sum_bits(self) -> int:
        """Sum over a whole K."""
        return self.product_bits + ceil_log2(self.k_max)

    @property
    def multiply_cycles(self) -> int:
        """Cycles of the requantiser's product."""
        return 24 // self.step

    def shift_cycles(self, places: int) -> int:
        """Cycles in which the requantiser drops ``places`` bits, 0 to 56."""
        return places // self.step + places % self.step
