"""In which order words leave the operand buffers, and where sums go: loops for every case."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const

from ...arith.divide import ceil_div_by
from ...config.machine import MachineConfig

__all__ = ["LEVELS", "Loop", "Loops", "Sizes", "operand_loops", "sum_loops"]

LEVELS = 4


@dataclass(frozen=True)
class Loop:
    """One loop: iterations, and what an iteration adds to each value."""

    count: Any = 1
    offset: Any = 0
    place: Any = 0
    done: Any = 0


@dataclass(frozen=True)
class Loops:
    """Loops from inside to outside.

    ``offset``: word in the block. ``place``: position along the stored rows' dimension; words at
    ``rows`` and beyond do not exist. ``turn``: words of the innermost loop are a block to be
    transposed, whose columns count from ``done`` on, up to ``total``. For sums, ``done`` is the
    position along N, and ``place`` that along M (OS) or K (WS).
    """

    levels: tuple[Loop, ...]
    rows: Any
    turn: bool
    total: Any = 0
    whole: bool = False


@dataclass(frozen=True)
class Sizes:
    """A block's sizes in elements, and in tiles and words; ``turned``: of what is transposed."""

    m: Any
    n: Any
    k: Any
    m_tiles: Any
    n_tiles: Any
    k_tiles: Any
    beats: Any
    a_words: Any
    a_turned_words: Any
    b_turned_words: Any

    @classmethod
    def of(cls, config: MachineConfig, m, n, k) -> "Sizes":
        """Of a block of m × n × k elements: values of Amaranth."""
        array = config.array
        return cls(
            m=m,
            n=n,
            k=k,
            m_tiles=ceil_div_by(m, array.rows),
            n_tiles=ceil_div_by(n, array.cols),
            k_tiles=ceil_div_by(k, array.k_per_tile),
            beats=ceil_div_by(k, array.dot),
            a_words=ceil_div_by(k, config.a_word),
            a_turned_words=ceil_div_by(m, config.a_word),
            b_turned_words=ceil_div_by(k, config.b_turned_word),
        )


def operand_loops(config: MachineConfig, operand: str, transposed: bool, s: Sizes) -> Loops:
    """Loops of ``operand``, "a" or "b", over a block of sizes ``s``."""
    array = config.array
    across = array.rows if array.flow == "os" else array.k_per_tile
    a_words = s.a_turned_words if transposed else s.a_words
    b_words = s.b_turned_words if transposed else s.n_tiles
    levels: tuple[Loop, ...]
    match array.flow, operand, transposed:
        case "ws", "a", False:
            levels = (Loop(s.m, a_words), Loop(s.n_tiles), Loop(s.k_tiles, 1))
            return Loops(levels, s.m, False)
        case "ws", "a", True:
            levels = (
                Loop(across, a_words, 1),
                Loop(a_words, 1, 0, across),
                Loop(s.n_tiles),
                Loop(s.k_tiles, a_words * across, across),
            )
            return Loops(levels, s.k, True, s.m)
        case "ws", "b", False:
            levels = (
                Loop(array.rows, b_words, 1),
                Loop(s.n_tiles, 1),
                Loop(s.k_tiles, b_words * array.rows, array.rows),
            )
            return Loops(levels, s.k, False)
        case "ws", "b", True:
            levels = (
                Loop(array.cols, b_words, 1),
                Loop(s.n_tiles, b_words * array.cols, array.cols),
                Loop(s.k_tiles, 1),
            )
            return Loops(levels, s.n, True, Const(array.rows), whole=True)
        case "os", "a", False:
            levels = (
                Loop(array.rows, a_words, 1),
                Loop(a_words, 1, 0, array.rows),
                Loop(s.n_tiles),
                Loop(s.m_tiles, a_words * array.rows, array.rows),
            )
            return Loops(levels, s.m, True, s.beats)
        case "os", "a", True:
            levels = (Loop(s.k, a_words), Loop(s.n_tiles), Loop(s.m_tiles, 1))
            return Loops(levels, s.k, False)
        case "os", "b", False:
            levels = (Loop(s.k, b_words), Loop(s.n_tiles, 1), Loop(s.m_tiles))
            return Loops(levels, s.k, False)
        case "os", "b", True:
            levels = (
                Loop(array.cols, b_words, 1),
                Loop(b_words, 1, 0, array.cols),
                Loop(s.n_tiles, b_words * array.cols, array.cols),
                Loop(s.m_tiles),
            )
            return Loops(levels, s.n, True, s.beats)
    raise ValueError(f"no such operand: {operand}")


def sum_loops(config: MachineConfig, s: Sizes) -> Loops:
    """Loops over the rows of sums as the array gives them; ``offset`` is the word of C."""
    array = config.array
    levels: tuple[Loop, ...]
    if array.flow == "ws":
        levels = (
            Loop(s.m, s.n_tiles),
            Loop(s.n_tiles, 1, 0, array.cols),
            Loop(s.k_tiles, 0, array.k_per_tile),
        )
        return Loops(levels, s.k, False)
    levels = (
        Loop(array.rows, s.n_tiles, 1),
        Loop(s.n_tiles, 1, 0, array.cols),
        Loop(s.m_tiles, s.n_tiles * array.rows, array.rows),
    )
    return Loops(levels, s.m, False)
