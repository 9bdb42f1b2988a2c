"""Vectors of elements to and from the bits of a port."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["from_hex", "pack_bits", "to_hex", "to_ints", "unpack_bits"]

Bits = NDArray[np.uint8]


def pack_bits(values: ArrayLike, width: int) -> Bits:
    """Low ``width`` bits of each element, element 0 first: words × … to words × bits."""
    array = np.asarray(values, dtype=np.int64)
    flat = array.reshape(len(array), -1)
    bits = (flat[:, :, None] >> np.arange(width)) & 1
    return bits.reshape(len(array), -1).astype(np.uint8)


def unpack_bits(bits: Bits, width: int, *, signed: bool) -> NDArray[np.int64]:
    """Words × bits to words × elements of ``width`` bits, at most 64."""
    lanes = bits.reshape(len(bits), -1, width).astype(np.int64)
    weights = np.left_shift(np.int64(1), np.arange(width, dtype=np.int64))
    if signed:
        weights[-1] = -weights[-1]
    return np.asarray((lanes * weights).sum(axis=2))


def _bytes(bits: Bits) -> NDArray[np.uint8]:
    return np.packbits(bits, axis=1, bitorder="little")


def to_ints(bits: Bits) -> list[int]:
    """Each row as one integer."""
    return [int.from_bytes(row.tobytes(), "little") for row in _bytes(bits)]


def to_hex(bits: Bits) -> str:
    """A line of hexadecimal digits per row, most significant first."""
    return "".join(row[::-1].tobytes().hex() + "\n" for row in _bytes(bits))


def from_hex(text: str, width: int) -> Bits:
    """Lines of hexadecimal digits to words × ``width`` bits; ``ValueError`` on an X."""
    lines = text.split()
    digits = 2 * -(-width // 8)
    raw = bytes.fromhex("".join(line.rjust(digits, "0") for line in lines))
    octets = np.frombuffer(raw, dtype=np.uint8).reshape(len(lines), -1)[:, ::-1]
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :width]
