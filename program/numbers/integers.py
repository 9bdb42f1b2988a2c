"""Arguments of products of integers."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import DTYPES, elements, operand, refused, scales_of, vector
from ..descriptor import Descriptor
from ..options import Options
from .asked import Asked
from .base import Arguments

__all__ = ["IntegerArguments"]


class IntegerArguments(Arguments):
    """Integers of any type whose values fit; a type without sign means elements without sign."""

    def operand(self, x: str, values: Any, dims: tuple[int, ...]) -> NDArray[Any]:
        return operand(x, values, dims, getattr(self.target, f"{x}_bits"))

    def bias(self, values: Any, n: int) -> NDArray[Any]:
        found: NDArray[Any] = vector("bias", values, n, DTYPES["int32"], self.target.sum_bits)[0]
        return found

    def addend(self, values: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        found = elements("d", values, (2, 3))
        if found.shape != shape:
            raise refused("d", f"of the product's shape {shape}", found, str(found.shape))
        if not ((found >= -(1 << 31)) & (found < 1 << 31)).all():
            raise refused("d", "integers of 32 bits", found, "larger ones")
        return found

    def job(
        self, sizes: tuple[int, int, int], a: np.dtype, b: np.dtype, asked: Asked
    ) -> tuple[Descriptor, NDArray[np.float32] | None]:
        if asked.saturate is not False:
            raise refused("saturate", "left out on a machine of integers", asked.saturate)
        format = asked.format
        if format is None:
            format = "int32" if asked.scale is None else "int8"
        options = Options(
            format, asked.a_zero, asked.b_zero, asked.zero, asked.low, asked.high, asked.binary32
        )
        job = options.job(self.target, sizes, a, b)
        scales = scales_of("scale", 1.0 if asked.scale is None else asked.scale, sizes[1])
        options.check_scale(scales)
        if isinstance(scales, float):
            return replace(job, scale=scales), None
        return replace(job, column_scale=True), scales[0]

    def result(self, values: NDArray[Any], format: str) -> NDArray[Any]:
        return values.astype(DTYPES[format])
