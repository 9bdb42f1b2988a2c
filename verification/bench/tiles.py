"""Tiles for the array: random ones, those at the ends of their formats, all pairs of operands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import ArrayConfig
from insitu.hdl.formats import Format, IntFormat

__all__ = ["Tile", "end_tile", "pair_tiles", "random_tile"]

Ints = NDArray[np.int64]


@dataclass
class Tile:
    """One tile, zero points and signedness as sent.

    OS: ``a`` [beats][rows][dot], ``b`` [beats][cols][dot]. WS: ``a`` the same with vectors for
    beats, ``b`` one weight set [rows][cols][dot].
    """

    a: Ints
    b: Ints
    a_signed: bool = True
    b_signed: bool = True
    a_zero: int = 0
    b_zero: int = 0


def _format(config: ArrayConfig, fmt: Format, is_signed: bool) -> Format:
    """Format of a tile's elements: signedness is the tile's where it is chosen at run time."""
    return IntFormat(fmt.bits, is_signed) if config.zero_points else fmt


def random_tile(config: ArrayConfig, beats: int, rng: np.random.Generator) -> Tile:
    """Random tile, a quarter of its elements at the ends of their format, where widths matter."""
    signs = rng.integers(0, 2, 2).astype(bool)
    a_format, b_format = _format(config, config.a, signs[0]), _format(config, config.b, signs[1])

    def draw(fmt: Format, shape: tuple[int, ...]) -> Ints:
        ends = [fmt.values.lo, fmt.values.hi]
        values = rng.integers(ends[0], ends[1], shape, endpoint=True)
        return np.where(rng.random(shape) < 0.25, rng.choice(ends, shape), values)

    depth = config.rows if config.flow == "ws" else beats
    tile = Tile(
        a=draw(a_format, (beats, config.rows, config.dot)),
        b=draw(b_format, (depth, config.cols, config.dot)),
        a_signed=a_format.signed,
        b_signed=b_format.signed,
    )
    if config.zero_points:
        tile.a_zero, tile.b_zero = int(draw(a_format, ())), int(draw(b_format, ()))
    return tile


def end_tile(config: ArrayConfig, beats: int, signs: Sequence[bool], ends: Sequence[bool]) -> Tile:
    """Tile whose every operand is the greatest (``ends`` true) or the least there is.

    The first of each pair is for ``a``. Where there are zero points, each is at the other end.
    """
    a_format, b_format = (
        _format(config, fmt, sign) for fmt, sign in zip((config.a, config.b), signs, strict=True)
    )
    depth = config.rows if config.flow == "ws" else beats
    ordered = [
        (fmt.values.hi, fmt.values.lo) if end else (fmt.values.lo, fmt.values.hi)
        for fmt, end in zip((a_format, b_format), ends, strict=True)
    ]
    (a, a_zero), (b, b_zero) = ordered
    return Tile(
        a=np.full((beats, config.rows, config.dot), a, dtype=np.int64),
        b=np.full((depth, config.cols, config.dot), b, dtype=np.int64),
        a_signed=a_format.signed,
        b_signed=b_format.signed,
        a_zero=a_zero if config.zero_points else 0,
        b_zero=b_zero if config.zero_points else 0,
    )


def pair_tiles(config: ArrayConfig, a_zero: int, b_zero: int) -> list[Tile]:
    """Tiles in which every multiplier sees every pair of elements of at most 4 bits."""
    a_values = np.arange(config.a.values.lo, config.a.values.hi + 1)
    b_values = np.arange(config.b.values.lo, config.b.values.hi + 1)

    def spread(values: Ints, lanes: int, shift: int) -> Ints:
        # Lanes differ, so that a swap of lanes shows.
        steps = np.arange(lanes)[:, None] * 3 + np.arange(config.dot) * 5 + shift
        return values[steps % len(values)]

    tiles = []
    for shift in range(16):
        a = np.stack([spread(a_values, config.rows, k) for k in range(16)])
        if config.flow == "ws":
            b = np.stack([spread(b_values, config.cols, shift + 7 * r) for r in range(config.rows)])
        else:
            b = np.stack([spread(b_values, config.cols, shift + k) for k in range(16)])
        tiles.append(Tile(a, b, config.a.signed, config.b.signed, a_zero, b_zero))
    return tiles
