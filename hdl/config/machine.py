"""The machine around an engine: bus, buffers, post-processing, and every size derived from them."""

from dataclasses import dataclass
from math import lcm

from .array import ArrayConfig
from .cim import CimConfig
from .fields import ConfigError, ceil_div, ceil_log2, check_fields, choice, limits
from .near import NearConfig
from .resident import DEEPEST
from .simd import SimdConfig

__all__ = ["BLOCK_BITS", "KEPT_BITS", "WORDS_BITS", "MachineConfig"]

BLOCK_BITS = 13
"""Bits of a block's size in elements."""
WORDS_BITS = 16
"""Bits of a word's number in an operand buffer."""
KEPT_BITS = 16
"""Bits of the K of an operand whose panel stays in its buffer, and of the K and N of a B that stays
in banks. Larger ones are fetched anew."""
MOST_BLOCK = (1 << BLOCK_BITS) - 1
MOST_ROWS = 1023
"""Rows that register ``geometry`` can tell."""


@dataclass(frozen=True)
class MachineConfig:
    """Shell and buffers of a machine.

    Parameters
    ----------
    array : ArrayConfig, CimConfig, NearConfig or SimdConfig
        The engine's array, tile, core or lanes; formats and widths come from it.
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

    array: ArrayConfig | CimConfig | NearConfig
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
        if not isinstance(self.array, ArrayConfig | CimConfig | NearConfig):
            rule = "an ArrayConfig, CimConfig, NearConfig or SimdConfig"
            raise ConfigError("machine.array", rule, self.array)
        for name in ("a_words", "b_words", "c_words"):
            value = getattr(self, name)
            if value & (value - 1):
                raise ConfigError(f"machine.{name}", "a power of two", value)
        if self.tile and self.lanes != 1:
            raise ConfigError("machine.lanes", "1 with [simd], whose C begins anywhere", self.lanes)
        if self.array.cols % self.lanes:
            rule = f"a divisor of the {self.array.cols} columns"
            raise ConfigError("machine.lanes", rule, self.lanes)
        if self.lanes & (self.lanes - 1) or self.lanes > self.bus_bytes:
            rule = f"a power of two up to the bus's {self.bus_bytes} bytes"
            raise ConfigError("machine.lanes", rule, self.lanes)
        if isinstance(self.array, CimConfig):
            self._check_tile(self.array)
        elif isinstance(self.array, NearConfig):
            self._check_near(self.array)
        elif self.array.dot != 1:
            raise ConfigError("array.dot", "1 in a machine", self.array.dot)
        for name in ("a", "b"):
            if (fmt := getattr(self.array, name)).bits < 4:
                raise ConfigError(
                    f"{self.array.table}.{name}_format", "of 4 bits or more in a machine", fmt.bits
                )
        if self.array.acc_bits > 32:
            raise ConfigError(
                f"{self.array.table}.acc_bits", "at most 32 in a machine", self.array.acc_bits
            )
        if self.n_max % self.array.cols:
            rule = f"a multiple of the {self.array.cols} columns"
            raise ConfigError("machine.n_max", rule, self.n_max)
        if isinstance(self.array, SimdConfig):
            self._check_simd(self.array)
            return
        least = (self.m_granule, self.n_granule, self.k_granule)
        if max(least) > MOST_BLOCK:
            rule = (
                "such that a block of {} × {} × {}, the least that begins at whole words of both "
            )
            rule += f"operands and of the bus, has at most {MOST_BLOCK} elements each way"
            name = f"{self.array.table}.rows"
            raise ConfigError(name, rule.format(*least), self.array.rows)
        for name, words in self.block_words(*least).items():
            if (limit := getattr(self, name)) < words:
                rule = "at least {} to hold a block of {} × {} × {}".format(words, *least)
                raise ConfigError(f"machine.{name}", rule, limit)

    @staticmethod
    def _check_tile(tile: CimConfig) -> None:
        if tile.act_bits not in (4, 8, 16):
            raise ConfigError("cim.act_bits", "4, 8 or 16 in a machine", tile.act_bits)
        if tile.adc_bits:
            raise ConfigError("cim.adc_bits", "0 in a machine, whose sums are exact", tile.adc_bits)
        if tile.max_k < tile.rows:
            raise ConfigError("cim.acc_bits", "enough for the sums of a tile", tile.acc_bits)
        if tile.banks > DEEPEST:
            raise ConfigError("cim.banks", f"at most {DEEPEST} in a machine", tile.banks)
        if tile.rows > MOST_ROWS:
            raise ConfigError("cim.rows", f"at most {MOST_ROWS} in a machine", tile.rows)

    @staticmethod
    def _check_near(core: NearConfig) -> None:
        if core.act_bits not in (4, 8, 16):
            raise ConfigError(f"{core.table}.act_bits", "4, 8 or 16 in a machine", core.act_bits)
        if core.max_k < core.rows:
            rule = "enough for the sums of a bank"
            raise ConfigError(f"{core.table}.acc_bits", rule, core.acc_bits)

    def _check_simd(self, simd: SimdConfig) -> None:
        if self.a_words != self.b_words:
            rule = f"machine.a_words = {self.a_words} with [simd], where both count steps of k"
            raise ConfigError("machine.b_words", rule, self.b_words)
        if self.n_max != simd.tile_cols:
            rule = f"rn·cols = {simd.tile_cols} with [simd]"
            raise ConfigError("machine.n_max", rule, self.n_max)
        if self.c_words < (least := simd.rm * simd.rn):
            raise ConfigError("machine.c_words", f"at least rm·rn = {least}", self.c_words)

    @property
    def tile(self) -> SimdConfig | None:
        """What has the register tile of a block of C, if operands are fetched by element."""
        return self.array if isinstance(self.array, SimdConfig) else None

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

    # --- Operand buffers: a word is what one cycle of the array's port needs along a stored row ---

    @property
    def a_word(self) -> int:
        """Elements of a word of buffer A."""
        if self.tile:
            return self.tile.rm
        return self.array.rows * self.array.dot

    @property
    def b_word(self) -> int:
        """Elements of a word of buffer B, stored as it is."""
        if self.tile:
            return self.tile.tile_cols
        return self.array.cols

    @property
    def b_turned_word(self) -> int:
        """Elements of a word of buffer B, stored transposed.

        A tile whose rows are a multiple of its columns takes square parts of its tiles of B, as
        else the buffer would have as many lanes as the tile has rows.
        """
        array = self.array
        if self.tile:
            return self.tile.tile_cols
        if array.banks and array.rows % array.cols == 0:
            return array.cols
        return array.dot * (array.rows if array.flow == "ws" else array.cols)

    @property
    def a_per_beat(self) -> int:
        """Elements of A in a bus word."""
        return self.bus_bits // self.array.a.bits

    @property
    def b_per_beat(self) -> int:
        """Elements of B in a bus word."""
        return self.bus_bits // self.array.b.bits

    @property
    def m_granule(self) -> int:
        """A block's rows, unless they are all, are a multiple of this: A may be transposed.

        1 if they are fetched by element.
        """
        if self.tile:
            return 1
        return lcm(self.a_per_beat, self.a_word, self.array.rows)

    @property
    def n_granule(self) -> int:
        """The same for columns. A block's row of C begins at a bus word in any format."""
        if self.tile:
            return 1
        return lcm(self.b_per_beat, self.b_word, self.bus_bytes)

    @property
    def k_granule(self) -> int:
        """The same for the depth."""
        if self.tile:
            return 1
        return lcm(self.a_per_beat, self.a_word, self.b_per_beat, self.b_turned_word)

    def block_words(self, m: int, n: int, k: int) -> dict[str, int]:
        """Words of the buffers that a block fills, whether operands are transposed or not.

        Where they are fetched by element one, a k's, as each goes through them alone.
        """
        if self.tile:
            c_words = m * ceil_div(n, self.array.cols)
            return {"a_words": 1, "b_words": 1, "c_words": c_words, "n_max": n}
        return {
            "a_words": max(m * ceil_div(k, self.a_word), k * ceil_div(m, self.a_word)),
            "b_words": max(k * ceil_div(n, self.b_word), n * ceil_div(k, self.b_turned_word)),
            "c_words": m * ceil_div(n, self.array.cols),
            "n_max": n,
        }

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
    def default_blocks(self) -> tuple[int, int, int]:
        """m, n and k of a block where the descriptor leaves them open.

        They grow in turn, n first, for as long as each operand's block fills no more than half its
        buffer, so that the next one is loaded meanwhile; n leaves room for two granules of m. Where
        operands are fetched by element, they are the register tile, and a k of 256: what a job that
        is aborted still fetches, while 1 / 256 as many sums are moved as there are products.
        """
        if self.tile:
            return self.tile.rm, self.tile.tile_cols, 256
        m, n, k = self.m_granule, self.n_granule, self.k_granule

        def fits(m: int, n: int, k: int) -> bool:
            words = self.block_words(m, n, k)
            return (
                max(m, n, k) <= MOST_BLOCK
                and all(words[name] * 2 <= getattr(self, name) for name in ("a_words", "b_words"))
                and words["c_words"] <= self.c_words
                and n <= self.n_max
            )

        while fits(2 * m, 2 * n, k):
            n *= 2
        while k < 64 and fits(m, n, 2 * k):
            k *= 2
        while fits(2 * m, n, k):
            m *= 2
        return m, n, k

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
        return ceil_div(self.c_words * self.array.cols * self.array.acc_bits, 8)

    @property
    def buffer_bytes(self) -> int:
        """All buffers: operands, and both halves of the sums."""
        return self.a_bytes + self.b_bytes + 2 * self.c_bytes
