"""Arguments of products of floating-point numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import UserError
from insitu.hdl.formats import FLOAT_FORMATS

from ..arguments import refused
from ..codes import binary32, narrow, numbers
from ..descriptor import FLOAT_RESULTS, Descriptor
from .asked import Asked
from .base import Arguments

__all__ = ["FloatArguments"]

OWN = {"fp16": np.dtype(np.float16)}
"""Formats that numpy has; numbers of the others are float32, which holds all of them."""


class FloatArguments(Arguments):
    """Numbers that the formats have, of any type of numpy or ml_dtypes."""

    def operand(self, x: str, values: Any, dims: tuple[int, ...]) -> NDArray[Any]:
        assert self.target.floats is not None
        fmt = self.target.floats["ab".index(x)]
        found = _binary32(x, values, dims)
        codes, given = narrow(found, fmt), _floats(found)
        back = numbers(codes, fmt)
        same = (back == given) | (np.isnan(back) & np.isnan(given))
        if not same.all():
            wrong = given[~same][0]
            rule = f"of numbers that {fmt.name} has; round them first"
            raise refused(x, rule, wrong, f"{wrong:g}")
        return codes.astype(np.uint8 if fmt.bits == 8 else np.uint16)

    def bias(self, values: Any, n: int) -> NDArray[Any]:
        found = _binary32("bias", values, (1, 2))
        if found.shape not in ((n,), (1, n)):
            rule = f"{n} of them, one for each column"
            raise refused("bias", rule, found, f"of shape {found.shape}")
        return found.reshape(n)

    def addend(self, values: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        found = _binary32("d", values, (2, 3))
        if found.shape != shape:
            raise refused("d", f"of the product's shape {shape}", found, str(found.shape))
        return found.astype(np.uint32).view(np.int32).astype(np.int64)

    def job(
        self, sizes: tuple[int, int, int], a: np.dtype, b: np.dtype, asked: Asked
    ) -> tuple[Descriptor, NDArray[np.float32] | None]:
        for name in asked.given():
            if name not in ("format", "saturate"):
                rule = "left out on a machine of floating-point numbers"
                raise refused(name, rule, getattr(asked, name))
        format = "fp32" if asked.format is None else asked.format
        if not isinstance(format, str) or format not in FLOAT_RESULTS:
            raise refused("format", f"one of {', '.join(FLOAT_RESULTS)}", format)
        if not isinstance(asked.saturate, bool | np.bool_):
            raise refused("saturate", "True or False", asked.saturate)
        if asked.saturate and format == "fp32":
            raise refused("saturate", "left out with format fp32", True)
        m, n, k = sizes
        signs = {"a_signed": False, "b_signed": False}  # of codes
        return Descriptor(m, n, k, format=format, saturate=bool(asked.saturate), **signs), None

    def result(self, values: NDArray[Any], format: str) -> NDArray[Any]:
        if format == "fp32":
            return _floats(values)
        found = numbers(values.astype(np.int64), FLOAT_FORMATS[format])
        return found.astype(OWN.get(format, np.float32))


def _floats(codes: NDArray[Any]) -> NDArray[np.float32]:
    """What codes of binary32 mean."""
    return (codes.astype(np.int64) & 0xFFFFFFFF).astype(np.uint32).view(np.float32)


def _binary32(name: str, values: Any, dims: tuple[int, ...]) -> NDArray[np.int64]:
    """``values`` as codes of binary32, which must hold them."""
    try:
        if np.ma.is_masked(values):
            raise ValueError
        given = np.asarray(values)
        if given.dtype.kind == "O":
            raise TypeError
        if given.dtype.kind in "bcSUmM":
            raise refused(name, "an array of numbers", values, given.dtype.name)
        exact = given.astype(np.float64)
    except UserError:
        raise
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise refused(name, "an array of numbers", values) from None
    if given.ndim not in dims or not given.size:
        allowed = " or ".join(str(x) for x in dims)
        rule = f"a non-empty array of {allowed} dimensions"
        raise refused(name, rule, values, f"of shape {given.shape}")
    with np.errstate(over="ignore", under="ignore"):
        found = exact.astype(np.float32)
    same = (found == exact) | np.isnan(exact)
    if given.dtype.kind in "iu":
        same &= exact.astype(given.dtype) == given
    if not same.all():
        raise refused(name, "of numbers that float32 has; round them first", exact[~same][0].item())
    return np.atleast_2d(binary32(found)) if given.ndim == 1 and 1 in dims else binary32(found)
