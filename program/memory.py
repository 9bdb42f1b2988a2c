"""Matrices as bytes: how elements lie in a memory image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Image", "Tensor", "joined", "pack", "unpack"]

Ints = NDArray[np.int64]
Image = Sequence[tuple[int, bytes]]
"""Bytes by the address at which they begin; later ones replace earlier ones."""


def joined(
    image: Iterable[tuple[int, bytes]], *, word: int = 1, gap: int = 0
) -> list[tuple[int, bytes]]:
    """``image`` by address, in pieces of whole words of ``word`` bytes; those that follow each
    other within ``gap`` bytes as one. Bytes between them, and up to the end of a word, become 0:
    they must be nobody's."""
    found: list[tuple[int, bytearray]] = []
    for address, content in sorted(image):
        whole = content + bytes(-len(content) % word)
        after = address - found[-1][0] - len(found[-1][1]) if found else -1
        if 0 <= after <= gap:
            found[-1][1].extend(bytes(after) + whole)
        else:
            found.append((address, bytearray(whole)))
    return [(address, bytes(content)) for address, content in found]


def pack(values: NDArray[Any], bits: int) -> bytes:
    """A row of integers of ``bits`` bits (4, 8, 16, 32), little-endian, the first one lowest."""
    raw = values.astype(np.int64) & ((1 << bits) - 1)
    if bits == 4:
        raw = np.append(raw, 0) if len(raw) % 2 else raw
        return (raw[0::2] | raw[1::2] << 4).astype(np.uint8).tobytes()
    return raw.astype(f"<u{bits // 8}").tobytes()


def unpack(raw: NDArray[np.uint8], bits: int, signed: bool) -> Ints:
    """Rows of bytes as rows of integers: the inverse of :func:`pack`."""
    if bits == 4:
        found = np.stack([raw & 15, raw >> 4], axis=-1).reshape(*raw.shape[:-1], -1)
        found = found.astype(np.int64)
    else:
        found = np.ascontiguousarray(raw).view(f"<u{bits // 8}").astype(np.int64)
    return found - (found >> bits - 1 << bits) if signed else found


@dataclass(frozen=True)
class Tensor:
    """``count`` matrices in memory, ``step`` bytes apart: ``rows`` of ``cols`` integers as they are
    stored, ``stride`` bytes apart, of ``bits`` bits each."""

    address: int
    rows: int
    cols: int
    stride: int
    bits: int = 8
    signed: bool = True
    count: int = 1
    step: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns as they are stored."""
        return self.rows, self.cols

    @property
    def row_bytes(self) -> int:
        """Bytes of a row, without what follows up to the next one."""
        return -(-self.cols * self.bits // 8)

    def write(self, values: NDArray[Any]) -> list[tuple[int, bytes]]:
        """Its image with ``values``: rows × cols, or count × rows × cols.

        ``ValueError`` for another shape, and for what are no integers that fit an element.
        """
        if values.dtype.kind not in "iu":
            raise ValueError(f"values must be integers, not {values.dtype}")
        low, high = (-1 << self.bits - 1, (1 << self.bits - 1) - 1) if self.signed else (
            0, (1 << self.bits) - 1)  # fmt: skip
        if values.size and not low <= values.min() <= values.max() <= high:
            wrong = values[(values < low) | (values > high)][0]
            raise ValueError(f"values must be from {low} to {high}, not {wrong}")
        if values.size != self.count * self.rows * self.cols:
            shape = f"{self.count} × {self.rows} × {self.cols}"
            raise ValueError(f"values must be {shape}, not of shape {values.shape}")
        whole = values.reshape(self.count, self.rows, self.cols)
        return [
            (self.address + n * self.step + r * self.stride, pack(row, self.bits))
            for n, matrix in enumerate(whole)
            for r, row in enumerate(matrix)
        ]

    def read(self, memory: NDArray[np.uint8]) -> Ints:
        """Its values in ``memory``, count × rows × cols."""
        starts = self.address + np.add.outer(
            self.step * np.arange(self.count), self.stride * np.arange(self.rows)
        )
        raw = memory[starts[..., None] + np.arange(self.row_bytes)]
        return unpack(raw, self.bits, self.signed)[..., : self.cols]
