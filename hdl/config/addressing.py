"""How the operands of a block reach an engine: words of buffers, granules and sizes of blocks.

Each core's configuration names one of these as its ``addressing``. The shell's hardware for each is
in ``hdl/shell/addressing``.
"""

from abc import ABC, abstractmethod
from math import lcm
from typing import TYPE_CHECKING

from .fields import ConfigError, ceil_div
from .widths import MOST_BLOCK

if TYPE_CHECKING:
    from .machine import MachineConfig

__all__ = ["Addressing", "ByElement", "ByRows"]


class Addressing(ABC):
    """What a machine's sizes follow from, besides those of its core.

    Methods take the :class:`~insitu.hdl.config.MachineConfig` they are about. ``by_element``: an
    access may be one element, and begins anywhere in a bus word.
    """

    by_element = False

    @abstractmethod
    def check_lanes(self, config: "MachineConfig") -> None:
        """Raise :class:`ConfigError` for ``lanes`` that no core of this kind can have."""

    @abstractmethod
    def check(self, config: "MachineConfig") -> None:
        """Raise :class:`ConfigError` where buffers do not suit each other or the core."""

    @abstractmethod
    def a_word(self, config: "MachineConfig") -> int:
        """Elements of a word of buffer A."""

    @abstractmethod
    def b_word(self, config: "MachineConfig") -> int:
        """Elements of a word of buffer B, stored as it is."""

    @abstractmethod
    def b_turned_word(self, config: "MachineConfig") -> int:
        """Elements of a word of buffer B, stored transposed."""

    @abstractmethod
    def granules(self, config: "MachineConfig") -> tuple[int, int, int]:
        """Of m, n and k of a block: it is a multiple of these, unless it is all of its matrix."""

    @abstractmethod
    def block_words(self, config: "MachineConfig", m: int, n: int, k: int) -> dict[str, int]:
        """Words of the buffers that a block fills, whether operands are transposed or not."""

    @abstractmethod
    def default_blocks(self, config: "MachineConfig") -> tuple[int, int, int]:
        """m, n and k of a block where the descriptor leaves them open."""


class ByRows(Addressing):
    """Blocks are fetched by stored rows into two buffers, from which the engine takes its words.

    A word is what one cycle of the engine's port needs along a stored row.
    """

    def check_lanes(self, config: "MachineConfig") -> None:
        """All that share a core's columns will do."""

    def check(self, config: "MachineConfig") -> None:
        least = self.granules(config)
        if max(least) > MOST_BLOCK:
            rule = (
                "such that a block of {} × {} × {}, the least that begins at whole words of both "
            )
            rule += f"operands and of the bus, has at most {MOST_BLOCK} elements each way"
            name = f"{config.array.table}.rows"
            raise ConfigError(name, rule.format(*least), config.array.rows)
        for name, words in self.block_words(config, *least).items():
            if (limit := getattr(config, name)) < words:
                rule = "at least {} to hold a block of {} × {} × {}".format(words, *least)
                raise ConfigError(f"machine.{name}", rule, limit)

    def a_word(self, config: "MachineConfig") -> int:
        return config.array.rows * config.array.dot

    def b_word(self, config: "MachineConfig") -> int:
        return config.array.cols

    def b_turned_word(self, config: "MachineConfig") -> int:
        """A core with banks whose rows are a multiple of its columns takes square parts of its
        tiles of B, as else the buffer would have as many lanes as the core has rows."""
        array = config.array
        if array.banks and array.rows % array.cols == 0:
            return array.cols
        return array.dot * (array.rows if array.flow == "ws" else array.cols)

    def granules(self, config: "MachineConfig") -> tuple[int, int, int]:
        """A block's row of C begins at a bus word in any format, and operands may be stored either
        way."""
        a, b = (config.a_per_beat, config.a_word), (config.b_per_beat, config.b_word)
        return (
            lcm(*a, config.array.rows),
            lcm(*b, config.bus_bytes),
            lcm(*a, config.b_per_beat, config.b_turned_word),
        )

    def block_words(self, config: "MachineConfig", m: int, n: int, k: int) -> dict[str, int]:
        a_word, b_word = config.a_word, config.b_word
        return {
            "a_words": max(m * ceil_div(k, a_word), k * ceil_div(m, a_word)),
            "b_words": max(k * ceil_div(n, b_word), n * ceil_div(k, config.b_turned_word)),
            "c_words": m * ceil_div(n, config.array.cols),
            "n_max": n,
        }

    def default_blocks(self, config: "MachineConfig") -> tuple[int, int, int]:
        """They grow in turn, n first, for as long as each operand's block fills no more than half
        its buffer, so that the next one is loaded meanwhile; n leaves room for two granules of m.
        """
        m, n, k = self.granules(config)

        def fits(m: int, n: int, k: int) -> bool:
            words = self.block_words(config, m, n, k)
            return (
                max(m, n, k) <= MOST_BLOCK
                and all(words[name] * 2 <= getattr(config, name) for name in ("a_words", "b_words"))
                and words["c_words"] <= config.c_words
                and n <= config.n_max
            )

        while fits(2 * m, 2 * n, k):
            n *= 2
        while k < 64 and fits(m, n, 2 * k):
            k *= 2
        while fits(2 * m, n, k):
            m *= 2
        return m, n, k


class ByElement(Addressing):
    """Operands are fetched for each k anew, an access per element or row of elements; blocks begin
    anywhere and are no larger than the core's register tile, ``rm`` × ``tile_cols``."""

    by_element = True

    def check_lanes(self, config: "MachineConfig") -> None:
        if config.lanes != 1:
            rule = f"1 with [{config.array.table}], whose C begins anywhere"
            raise ConfigError("machine.lanes", rule, config.lanes)

    def check(self, config: "MachineConfig") -> None:
        core = config.array
        if config.a_words != config.b_words:
            rule = f"machine.a_words = {config.a_words} with [{core.table}], where both count "
            raise ConfigError("machine.b_words", rule + "steps of k", config.b_words)
        if config.n_max != core.tile_cols:
            rule = f"rn·cols = {core.tile_cols} with [{core.table}]"
            raise ConfigError("machine.n_max", rule, config.n_max)
        if config.c_words < (least := core.rm * core.rn):
            raise ConfigError("machine.c_words", f"at least rm·rn = {least}", config.c_words)

    def a_word(self, config: "MachineConfig") -> int:
        """What one k needs."""
        return config.array.rm

    def b_word(self, config: "MachineConfig") -> int:
        """What one k needs."""
        return config.array.tile_cols

    def b_turned_word(self, config: "MachineConfig") -> int:
        return config.array.tile_cols

    def granules(self, config: "MachineConfig") -> tuple[int, int, int]:
        return 1, 1, 1

    def block_words(self, config: "MachineConfig", m: int, n: int, k: int) -> dict[str, int]:
        """One of each operand, a k's, as each goes through them alone."""
        c_words = m * ceil_div(n, config.array.cols)
        return {"a_words": 1, "b_words": 1, "c_words": c_words, "n_max": n}

    def default_blocks(self, config: "MachineConfig") -> tuple[int, int, int]:
        """The register tile, and a k of 256: what a job that is aborted still fetches, while
        1 / 256 as many sums are moved as there are products."""
        return config.array.rm, config.array.tile_cols, 256
