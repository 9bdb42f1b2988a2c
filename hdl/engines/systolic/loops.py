"""In which order words leave the operand buffers, and where sums go: loops for every case."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const

from ...arith.divide import ceil_div_by
from ...config.machine import MachineConfig

__all__ = ["LEVELS", "Loop", "Loops", "operand_loops", "sum_loops"]

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


def operand_loops(config: MachineConfig, operand: str, transposed: bool, m, n, k) -> Loops:
    """Loops of ``operand``, "a" or "b", over a block of m × n × k elements."""
    array = config.array
    across = array.rows if array.flow == "os" else array.k_per_tile
    k_tiles = ceil_div_by(k, array.k_per_tile)
    n_tiles = ceil_div_by(n, array.cols)
    m_tiles = ceil_div_by(m, array.rows)
    beats = ceil_div_by(k, array.dot)
    a_words = ceil_div_by(m if transposed else k, config.a_word)
    b_words = ceil_div_by(k, config.b_turned_word) if transposed else n_tiles
    levels: tuple[Loop, ...]
    match array.flow, operand, transposed:
        case "ws", "a", False:
            levels = (Loop(m, a_words), Loop(n_tiles), Loop(k_tiles, 1))
            return Loops(levels, m, False)
        case "ws", "a", True:
            levels = (
                Loop(across, a_words, 1),
                Loop(a_words, 1, 0, across),
                Loop(n_tiles),
                Loop(k_tiles, a_words * across, across),
            )
            return Loops(levels, k, True, m)
        case "ws", "b", False:
            levels = (
                Loop(array.rows, b_words, 1),
                Loop(n_tiles, 1),
                Loop(k_tiles, b_words * array.rows, array.rows),
            )
            return Loops(levels, k, False)
        case "ws", "b", True:
            levels = (
                Loop(array.cols, b_words, 1),
                Loop(n_tiles, b_words * array.cols, array.cols),
                Loop(k_tiles, 1),
            )
            return Loops(levels, n, True, Const(array.rows), whole=True)
        case "os", "a", False:
            levels = (
                Loop(array.rows, a_words, 1),
                Loop(a_words, 1, 0, array.rows),
                Loop(n_tiles),
                Loop(m_tiles, a_words * array.rows, array.rows),
            )
            return Loops(levels, m, True, beats)
        case "os", "a", True:
            levels = (Loop(k, a_words), Loop(n_tiles), Loop(m_tiles, 1))
            return Loops(levels, k, False)
        case "os", "b", False:
            levels = (Loop(k, b_words), Loop(n_tiles, 1), Loop(m_tiles))
            return Loops(levels, k, False)
        case "os", "b", True:
            levels = (
                Loop(array.cols, b_words, 1),
                Loop(b_words, 1, 0, array.cols),
                Loop(n_tiles, b_words * array.cols, array.cols),
                Loop(m_tiles),
            )
            return Loops(levels, n, True, beats)
    raise ValueError(f"no such operand: {operand}")


def sum_loops(config: MachineConfig, m, n, k) -> Loops:
    """Loops over the rows of sums as the array gives them; ``offset`` is the word of C."""
    array = config.array
    levels: tuple[Loop, ...]
    n_tiles = ceil_div_by(n, array.cols)
    if array.flow == "ws":
        k_tiles = ceil_div_by(k, array.k_per_tile)
        levels = (
            Loop(m, n_tiles),
            Loop(n_tiles, 1, 0, array.cols),
            Loop(k_tiles, 0, array.k_per_tile),
        )
        return Loops(levels, k, False)
    m_tiles = ceil_div_by(m, array.rows)
    levels = (
        Loop(array.rows, n_tiles, 1),
        Loop(n_tiles, 1, 0, array.cols),
        Loop(m_tiles, n_tiles * array.rows, array.rows),
    )
    return Loops(levels, m, False)
