"""Matrices in the memory of a board."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from insitu.program.arguments import (
    DTYPES,
    HostError,
    dtype_of,
    elements,
    integer,
    operand,
    refused,
    stored,
)

from .board import Board
from .link import Link, Space
from .machine import Machine

__all__ = ["Matrices", "Matrix", "Place"]


@dataclass(frozen=True, eq=False)
class Place:
    """Bytes that a device has taken for a matrix, until it forgets them."""

    address: int
    size: int


@dataclass(frozen=True)
class Matrix:
    """A matrix in the board's memory: ``rows`` of ``cols``, ``stride`` bytes apart.

    ``transposed``: its columns are what is stored one after another. ``count`` of them, one after
    another, are a batch.
    """

    address: int
    rows: int
    cols: int
    stride: int
    dtype: np.dtype
    transposed: bool = False
    count: int = 1
    place: Place | None = field(default=None, repr=False, compare=False)

    @property
    def stored(self) -> tuple[int, int]:
        """Rows and columns as they are stored."""
        return (self.cols, self.rows) if self.transposed else (self.rows, self.cols)

    @property
    def step(self) -> int:
        """Bytes from a matrix of the batch to the next one."""
        return self.stored[0] * self.stride

    def is_within(self, place: Place) -> bool:
        """Whether all its bytes, those between its rows as well, are in ``place``."""
        cols = self.stored[1]
        end = self.address + self.count * self.step
        fits = cols * self.dtype.itemsize <= self.stride
        return fits and place.address <= self.address and end <= place.address + place.size

    def reshaped(self, rows: SupportsIndex, cols: SupportsIndex) -> "Matrix":
        """The same bytes as ``rows`` × ``cols``; rows must follow each other without gaps.

        ``HostError`` if they do not, or if it has another number of elements.
        """
        count, size = self.rows * self.cols, self.dtype.itemsize
        rows, cols = integer("rows", rows, 1, count), integer("cols", cols, 1, count)
        whole = self.stride == self.cols * size and not self.transposed and self.count == 1
        if not whole or rows * cols != count:
            raise HostError(
                f"reshape: must keep {self.rows} × {self.cols} elements without gaps, "
                f"not {rows} × {cols} of rows {self.stride} bytes apart"
            )
        return replace(self, rows=rows, cols=cols, stride=cols * size)


class Matrices:
    """Puts matrices one after another, and forgets the last ones first.

    Parameters
    ----------
    link : Link
    board : Board
    machine : Machine
        What it left running ends before memory is written.

    Raises
    ------
    HostError
        In all methods: one line that says what is wrong. A mistake in an argument is found before
        anything is sent; whatever fails, memory that the call took is free again.
    """

    def __init__(self, link: Link, board: Board, machine: Machine) -> None:
        self.link, self.board, self.machine = link, board, machine
        self._places: list[Place] = []

    def clear(self, to: SupportsIndex = 0) -> None:
        """Forget all matrices that reach beyond ``to``, a former value of ``used``."""
        least = integer("to", to, 0, self.used)
        while self.used > least:
            self._places.pop()

    @property
    def used(self) -> int:
        """Bytes taken by matrices."""
        if not self._places:
            return 0
        return self._places[-1].address + self.stride(self._places[-1].size)

    def holds(self, place: Place) -> bool:
        """Whether ``place`` is taken still."""
        return place in self._places

    def take(self, end: int) -> Place:
        """Take all memory up to byte ``end``; ``HostError`` if there is none."""
        if end > self.board.memory:
            raise HostError(
                f"memory: must hold {end} bytes, not {self.board.memory}; "
                "forget matrices with clear()"
            )
        self._places.append(Place(self.used, end - self.used))
        return self._places[-1]

    @contextmanager
    def _given_back(self, *, always: bool = False) -> Iterator[int]:
        """Memory taken in the block is free again if it fails; the value is where that begins."""
        start, done = self.used, False
        try:
            yield start
            done = not always
        finally:
            if not done:
                self.clear(start)

    def stride(self, size: int) -> int:
        """Bytes from a row of ``size`` bytes to the next one: whole words of the bus."""
        return -(-size // self.board.word) * self.board.word

    def empty(self, rows: SupportsIndex, cols: SupportsIndex, dtype: DTypeLike) -> Matrix:
        """A matrix whose elements are not defined: int8, uint8, int32 or float32."""
        most = self.board.memory
        kind = dtype_of(dtype)
        return self._empty(integer("rows", rows, 1, most), integer("cols", cols, 1, most), kind)

    def _empty(self, rows: int, cols: int, dtype: np.dtype, count: int = 1) -> Matrix:
        stride = self.stride(cols * dtype.itemsize)
        start, size = self.used, count * rows * stride
        if start + size > self.board.memory:
            raise HostError(
                f"memory: must hold {start + size} bytes, not {self.board.memory}; "
                "forget matrices with clear()"
            )
        place = Place(start, size)
        self._places.append(place)
        return Matrix(start, rows, cols, stride, dtype, count=count, place=place)

    def put(self, values: ArrayLike, dtype: DTypeLike | None = None) -> Matrix:
        """A matrix of ``values``, rows × columns; a vector is a row, three dimensions are a batch.

        ``dtype``: int8, uint8, int32 or float32. Left out it is that of ``values``, if that is one
        of these in any byte order; other integers become int8, or uint8 if their type has no sign.
        Values must be integers that fit, or for float32, scales, positive and normal.
        """
        kind = None if dtype is None else dtype_of(dtype)
        if kind is None:
            kind = DTYPES.get(elements("values", values, (1, 2, 3), "iuf").dtype.name)
        if kind is None:
            return self._put(operand("values", values, (1, 2, 3)))
        kinds = "iuf" if kind.kind == "f" else "iu"
        return self._put(stored("values", elements("values", values, (1, 2, 3), kinds), kind))

    def put_weights(self, values: ArrayLike, dtype: DTypeLike | None = None) -> Matrix:
        """A matrix of ``values``, K × N or a batch of them, to be B of products, as the board wants
        it stored.

        ``dtype``: int8 or uint8. Left out it is uint8 if the type of ``values`` has no sign.
        """
        if dtype is None:
            return self._put_weights(operand("values", values, (2, 3)))
        kind = dtype_of(dtype, ("int8", "uint8"))
        return self._put_weights(stored("values", elements("values", values, (2, 3)), kind))

    def _put(self, array: NDArray[Any]) -> Matrix:
        with self._given_back():
            *batch, rows, cols = array.shape
            found = self._empty(rows, cols, array.dtype, *batch)
            raw = np.zeros((found.count * rows, found.stride), np.uint8)
            raw[:, : cols * found.dtype.itemsize] = (
                np.ascontiguousarray(array).view(np.uint8).reshape(len(raw), -1)
            )
            self.machine.settle()
            self.link.write(Space.MEMORY, found.address, raw.tobytes())
        return found

    def _put_weights(self, array: NDArray[Any]) -> Matrix:
        if not self.board.b_transposed_only:
            return self._put(array)
        found = self._put(np.swapaxes(array, -1, -2))
        return replace(found, rows=found.cols, cols=found.rows, transposed=True)

    def get(self, matrix: Matrix) -> NDArray[Any]:
        """Its values."""
        self.check("matrix", matrix)
        rows, cols = matrix.stored
        raw = self.link.read(Space.MEMORY, matrix.address, matrix.count * matrix.step)
        whole = np.frombuffer(raw, np.uint8).reshape(matrix.count, rows, matrix.stride)
        used = whole[..., : cols * matrix.dtype.itemsize].copy().view(matrix.dtype)
        found = np.swapaxes(used, -1, -2) if matrix.transposed else used
        return found if matrix.count > 1 else found[0]

    def check(self, name: str, matrix: Any) -> None:
        """That ``matrix`` is in memory that this device has taken."""
        if not isinstance(matrix, Matrix):
            raise refused(name, "a matrix of this device", matrix)
        if matrix.place is None or not self.holds(matrix.place):
            raise HostError(f"{name}: must be a matrix of this device that was not cleared")
        if not matrix.is_within(matrix.place):
            raise refused(name, "within the memory that was taken for it", matrix)
