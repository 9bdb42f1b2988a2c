"""The machine around an engine: bus, buffers, post-processing, and every size derived from them."""

from dataclasses import dataclass
from typing import Any

from .cores import core_types, table_of
from .fields import ConfigError, ceil_div, ceil_log2, check_fields, choice, limits
from .numbers import number_of
from .widths import WORDS_BITS

__all__ = ["MachineConfig"]


@dataclass(frozen=True)
class MachineConfig:
    """Shell and buffers of a machine.

    Parameters
    ----------
    array : one of :func:`~insitu.hdl.config.cores.core_types`
        The engine's core; formats and widths come from it.
    bus_bits : int
        Width of the memory bus: 32, 64 or 128.
    addr_bits : int
        Bits of an address in memory, 32 to 64.
    queue : int
        Descriptors that can wait, 1 to 14.
    burst : int
        Beats of the longest burst, 1 to 256.
    outstanding : int
        Bursts under way per direction, 1 to 64.
    lanes : int
        Results finished per cycle: a power of two that divides ``array.cols``, up to the bytes of a
        bus word; 1 with ``[simd]``.
    a_words, b_words : int
        Words of the operand buffers, each :attr:`a_word` or :attr:`b_word` elements: powers of two.
        With lanes a word is what one k needs.
    c_words : int
        Words of one of the two halves of the sums' buffer, each ``cols`` sums: a
        power of two.
    n_max : int
        Columns of a block at most, a multiple of ``cols``: so many biases and scales are kept,
        twice.

    Raises
    ------
    ConfigError
        For any value out of range and any combination that cannot be built.
    """

    array: Any
    bus_bits: int = choice(32, 64, 128, default=64)
    addr_bits: int = limits(32, 64, 32)
    queue: int = limits(1, 14, 4)
    burst: int = limits(1, 256, 32)
    outstanding: int = limits(1, 64, 8)
    lanes: int = limits(1, 64, 1)
    a_words: int = limits(4, 1 << WORDS_BITS, 1024)
    b_words: int = limits(4, 1 << WORDS_BITS, 4096)
    c_words: int = limits(4, 1 << 13, 256)
    n_max: int = limits(1, 1 << 12, 256)

    def __post_init__(self) -> None:
        check_fields(self, "machine")
        if table_of(self.array) is None:
            names = [kind.__name__ for kind in core_types().values()]
            rule = f"an {', '.join(names[:-1])} or {names[-1]}"
            raise ConfigError("machine.array", rule, self.array)
        for name in ("a_words", "b_words", "c_words"):
            value = getattr(self, name)
            if value & (value - 1):
                raise ConfigError(f"machine.{name}", "a power of two", value)
        self.array.addressing.check_lanes(self)
        if self.array.cols % self.lanes:
            rule = f"a divisor of the {self.array.cols} columns"
            raise ConfigError("machine.lanes", rule, self.lanes)
        if self.lanes & (self.lanes - 1) or self.lanes > self.bus_bytes:
            rule = f"a power of two up to the bus's {self.bus_bytes} bytes"
            raise ConfigError("machine.lanes", rule, self.lanes)
        self.array.check_machine()
        for name in ("a", "b"):
            if (fmt := getattr(self.array, name)).bits < 4:
                raise ConfigError(
                    f"{self.array.table}.{name}_format", "of 4 bits or more in a machine", fmt.bits
                )
        if self.array.acc_bits > (most := number_of(self.array).most_sum_bits):
            raise ConfigError(
                f"{self.array.table}.acc_bits", f"at most {most} in a machine", self.array.acc_bits
            )
        if self.n_max % self.array.cols:
            rule = f"a multiple of the {self.array.cols} columns"
            raise ConfigError("machine.n_max", rule, self.n_max)
        self.array.addressing.check(self)

    @property
    def a_bits(self) -> int:
        """Bits of an element of A."""
        return self.array.a.bits

    @property
    def b_bits(self) -> int:
        """Bits of an element of B."""
        return self.array.b.bits

    @property
    def bus_bytes(self) -> int:
        """Bytes of a bus word."""
        return self.bus_bits // 8

    # --- Operand buffers and blocks, as the core's addressing has them ---

    @property
    def a_word(self) -> int:
        """Elements of a word of buffer A."""
        return int(self.array.addressing.a_word(self))

    @property
    def b_word(self) -> int:
        """Elements of a word of buffer B, stored as it is."""
        return int(self.array.addressing.b_word(self))

    @property
    def b_turned_word(self) -> int:
        """Elements of a word of buffer B, stored transposed."""
        return int(self.array.addressing.b_turned_word(self))

    @property
    def a_per_beat(self) -> int:
        """Elements of A in a bus word."""
        return self.bus_bits // int(self.array.a.bits)

    @property
    def b_per_beat(self) -> int:
        """Elements of B in a bus word."""
        return self.bus_bits // int(self.array.b.bits)

    @property
    def m_granule(self) -> int:
        """A block's rows, unless they are all, are a multiple of this: A may be transposed."""
        return int(self.array.addressing.granules(self)[0])

    @property
    def n_granule(self) -> int:
        """The same for columns."""
        return int(self.array.addressing.granules(self)[1])

    @property
    def k_granule(self) -> int:
        """The same for the depth."""
        return int(self.array.addressing.granules(self)[2])

    def block_words(self, m: int, n: int, k: int) -> dict[str, int]:
        """Words of the buffers that a block fills, whether operands are transposed or not."""
        found: dict[str, int] = self.array.addressing.block_words(self, m, n, k)
        return found

    @property
    def default_blocks(self) -> tuple[int, int, int]:
        """m, n and k of a block where the descriptor leaves them open."""
        found: tuple[int, int, int] = self.array.addressing.default_blocks(self)
        return found

    # --- Bytes of the bank port, for engines that have one ---

    @property
    def port_row(self) -> int:
        """Bytes from one row of a bank to the next: whole bus words, a power of two."""
        used = ceil_div(self.array.cols * self.array.b.bits, 8)
        return 1 << ceil_log2(max(used, self.bus_bytes))

    @property
    def port_bank(self) -> int:
        """Bytes from one bank to the next."""
        return self.port_row << ceil_log2(self.array.rows)

    @property
    def port_addr_bits(self) -> int:
        """Bits of an address."""
        return ceil_log2(self.port_bank) + max(1, ceil_log2(self.array.banks))

    @property
    def a_bytes(self) -> int:
        """Buffer A."""
        return ceil_div(self.a_words * self.a_word * self.array.a.bits, 8)

    @property
    def b_bytes(self) -> int:
        """Buffer B."""
        word = max(self.b_word, self.b_turned_word)
        return ceil_div(self.b_words * word * self.array.b.bits, 8)

    @property
    def c_bytes(self) -> int:
        """One of the two halves of the sums' buffer."""
        return ceil_div(self.c_words * self.array.cols * self.sum_bits, 8)

    @property
    def sum_bits(self) -> int:
        """Bits of a sum in its buffer."""
        return number_of(self.array).stored_bits(self.array)

    @property
    def buffer_bytes(self) -> int:
        """All buffers: operands, and both halves of the sums."""
        return self.a_bytes + self.b_bytes + 2 * self.c_bytes
