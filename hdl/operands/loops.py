"""In which order words leave the operand buffers, and where sums go: loops for every case."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const

from ..arith.divide import ceil_div_by, scaled
from ..config.machine import MachineConfig

__all__ = ["Loop", "Loops", "Sizes", "Tiles", "operand_loops", "sum_loops"]


@dataclass(frozen=True)
class Loop:
    """One loop: iterations, and what an iteration adds to each value."""

    count: Any = 1
    offset: Any = 0
    place: Any = 0
    done: Any = 0
    column: int = 0


@dataclass(frozen=True)
class Tiles:
    """Tiles of ``across`` rows, ``stride`` words apart, that are read column by column.

    The tiles of all ``rows`` go by in the loop number ``level``.
    """

    level: int
    across: int
    stride: Any
    rows: Any


@dataclass(frozen=True)
class Loops:
    """Loops from inside to outside.

    ``offset``: word in the block; for ``tiles`` the one of a tile's first row. ``place``: position
    along the dimension that the array takes in time, if it has edges: words at ``limit`` and beyond
    do not exist. ``whole``: the innermost loop is a tile's, otherwise all that has a place is. For
    sums, ``done`` is the position along N, and ``place`` that along M (OS) or K (WS).
    """

    levels: tuple[Loop, ...]
    limit: Any
    tiles: Tiles | None = None
    whole: bool = True


@dataclass(frozen=True)
class Sizes:
    """A block's sizes in elements, and in tiles and words; ``turned``: of what is transposed."""

    m: Any
    n: Any
    k: Any
    m_tiles: Any
    n_tiles: Any
    k_tiles: Any
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
            return Loops(levels, s.m)
        case ("ws", "a", True) | ("os", "a", False):
            # Not the way the array takes it: columns of squares.
            along, rows, tiles = (s.m, s.k, s.k_tiles) if transposed else (s.k, s.m, s.m_tiles)
            levels = (
                Loop(across, place=1, column=1),
                Loop(a_words, 1, across),
                Loop(s.n_tiles),
                Loop(tiles, scaled(a_words, across)),
            )
            return Loops(levels, along, Tiles(3, across, a_words, rows), whole=False)
        case "ws", "b", False:
            levels = (
                Loop(array.rows, b_words, 1),
                Loop(s.n_tiles, 1),
                Loop(s.k_tiles, scaled(b_words, array.rows), array.rows),
            )
            return Loops(levels, s.k)
        case "ws", "b", True if config.b_turned_word != array.k_per_tile:
            parts = array.rows // array.cols
            levels = (
                Loop(array.cols, place=1, column=1),
                Loop(parts, 1, array.cols),
                Loop(s.n_tiles, scaled(b_words, array.cols)),
                Loop(s.k_tiles, parts, array.rows),
            )
            return Loops(levels, s.k, Tiles(2, array.cols, b_words, s.n))
        case "ws", "b", True:
            levels = (
                Loop(array.rows, column=1),
                Loop(s.n_tiles, scaled(b_words, array.cols)),
                Loop(s.k_tiles, 1),
            )
            return Loops(levels, Const(1), Tiles(1, array.cols, b_words, s.n))
        case "os", "a", True:
            levels = (Loop(s.k, a_words), Loop(s.n_tiles), Loop(s.m_tiles, 1))
            return Loops(levels, s.k)
        case "os", "b", False:
            levels = (Loop(s.k, b_words), Loop(s.n_tiles, 1), Loop(s.m_tiles))
            return Loops(levels, s.k)
        case "os", "b", True:
            levels = (
                Loop(array.cols, place=1, column=1),
                Loop(b_words, 1, array.cols),
                Loop(s.n_tiles, scaled(b_words, array.cols)),
                Loop(s.m_tiles),
            )
            return Loops(levels, s.k, Tiles(2, array.cols, b_words, s.n), whole=False)
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
        return Loops(levels, s.k)
    levels = (
        Loop(array.rows, s.n_tiles, 1),
        Loop(s.n_tiles, 1, 0, array.cols),
        Loop(s.m_tiles, scaled(s.n_tiles, array.rows), array.rows),
    )
    return Loops(levels, s.m)
