"""Copies that the host makes around products: each element is one of the source, or a fixed one.

im2col, borders, transposition and matrices side by side are all of this kind: nested loops, each of
which steps through the source at a constant rate. numpy does them here, and C may elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Gather", "Loop"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Loop:
    """``count`` turns; per axis of the source how far a turn steps, 0 or more."""

    count: int
    steps: tuple[int, ...]

    @classmethod
    def along(cls, count: int, dims: int, **axes: int) -> "Loop":
        """Steps of ``axes``, named ``x0``, ``x1``, …, of ``dims`` of them."""
        return cls(count, tuple(axes.get(f"x{n}", 0) for n in range(dims)))


@dataclass(frozen=True)
class Gather:
    """A copy, element by element.

    Parameters
    ----------
    source : tuple of int
        Shape of what is read.
    shape : tuple of int
        Of what is made: as many elements as the loops have turns, the last loop the quickest.
    loops : tuple of Loop
    start : tuple of int
        Where the first turn of all loops is, per axis of the source; may be outside of it.
    fill : int
        The element for each turn that is outside of the source.
    """

    source: tuple[int, ...]
    shape: tuple[int, ...]
    loops: tuple[Loop, ...]
    start: tuple[int, ...]
    fill: int = 0

    @classmethod
    def moved(cls, source: Sequence[int], order: Sequence[int], shape: Sequence[int]) -> "Gather":
        """All of ``source`` with its axes in ``order``, seen as ``shape``."""
        count = len(source)
        loops = tuple(Loop.along(source[axis], count, **{f"x{axis}": 1}) for axis in order)
        return cls(tuple(source), tuple(shape), loops, (0,) * count)

    @property
    def reach(self) -> list[tuple[int, int]]:
        """First and last place that is looked at, per axis of the source."""
        return [
            (start, start + sum(loop.steps[axis] * (loop.count - 1) for loop in self.loops))
            for axis, start in enumerate(self.start)
        ]

    def __call__(self, x: Array) -> Array:
        """The copy of ``x``, which has as many elements as the source."""
        if not prod(self.shape):
            return np.zeros(self.shape, x.dtype)
        given, start = x.reshape(self.source), self.start
        pads = [
            (max(0, -first), max(0, last + 1 - size))
            for (first, last), size in zip(self.reach, self.source, strict=True)
        ]
        if any(sum(pad) for pad in pads):
            given = np.pad(given, pads, constant_values=np.asarray(self.fill, x.dtype))
            start = tuple(at + before for at, (before, _) in zip(start, pads, strict=True))
        inside = given[tuple(slice(at, None) for at in start)]
        strides = [
            sum(step * stride for step, stride in zip(loop.steps, inside.strides, strict=True))
            for loop in self.loops
        ]
        counts = [loop.count for loop in self.loops]
        seen = np.lib.stride_tricks.as_strided(inside, counts, strides, writeable=False)
        return np.ascontiguousarray(seen).reshape(self.shape)
