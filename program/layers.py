"""Layers of a quantised network, as lowering takes them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dense"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Dense:
    """A product with constants in integers: ``requantise(gemm(a, b) + bias, scale)``.

    ``a`` has 8 bits and the zero point ``a_zero``: -128 of int8, or 0 of uint8. ``b`` is int8
    [K][N], ``bias`` int32 [N]. ``scale`` is one per column and maps to 8 bits with zero point
    ``c_zero``, the least of them, or ``None`` in the last layer, whose results are the sums.
    """

    name: str
    b: Ints
    bias: Ints
    a_zero: int
    scale: NDArray[np.float32] | None
    c_zero: int

    @property
    def high(self) -> int:
        """Largest output of a layer with a scale."""
        return self.c_zero + 255
