"""What a user gives, checked before anything is sent: a mistake is one line that names it."""

import operator
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import UserError

__all__ = [
    "DTYPES",
    "HostError",
    "dtype_of",
    "elements",
    "integer",
    "one_line",
    "operand",
    "refused",
    "scale_of",
    "scales_of",
    "seconds",
    "stored",
    "vector",
]

MOST_SECONDS = 1e6
DTYPES: dict[str, np.dtype] = {
    name: np.dtype(name).newbyteorder("<") for name in ("int8", "uint8", "int32", "float32")
}
"""What a matrix on a board may consist of: operands, biases and sums, scales."""


HostError = UserError
"""What a user is told in one line; the driver's name for it."""


def one_line(text: str) -> str:
    """``text`` in one line that is not too long."""
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def refused(name: str, rule: str, value: object, text: str = "") -> HostError:
    """The error of an argument; ``text``: what is said of a ``value`` that says too much itself."""
    return HostError(f"{name}: must be {rule}, not {text or one_line(repr(value))}")


def _array(value: object) -> NDArray[Any] | None:
    """``value`` as numpy has it; ``None`` if it has not, or would leave out a mask."""
    if np.ma.is_masked(value):
        return None
    try:
        return np.asarray(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # whatever its __array__ raises
        return None


# --- Numbers ---


def integer(name: str, value: Any, low: int, high: int, where: str = "") -> int:
    """An integer of any type but bool, from ``low`` to ``high``; ``where`` that is so."""
    try:
        found = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        found = None
    if found is None or not low <= found <= high:
        rule = f"an integer from {low} to {high}" if low < high else f"{low}"
        raise refused(name, rule + where, value)
    return found


def _number(value: Any) -> NDArray[Any] | None:
    """``value`` if it is a number, but for bools."""
    found = _array(value)
    return None if found is None or found.ndim or found.dtype.kind not in "iuf" else found


def seconds(name: str, value: Any) -> float:
    """A time, above 0."""
    found = _number(value)
    if found is None or not 0 < float(found) <= MOST_SECONDS:
        raise refused(name, f"a number of seconds above 0, at most {MOST_SECONDS:g}", value)
    return float(found)


def scale_of(name: str, value: Any) -> float:
    """One scale, as the float32 that it is rounded to."""
    found = _number(value)
    if found is None:
        raise refused(name, "a number", value)
    return float(stored(name, found.reshape(1, 1), DTYPES["float32"])[0, 0])


# --- Arrays ---


def dtype_of(value: Any, names: Collection[str] = DTYPES) -> np.dtype:
    """What a board stores for dtype ``value``, one of ``names`` in any byte order."""
    try:
        name = np.dtype(value).name
    except (TypeError, ValueError):
        name = ""
    if name not in names:
        raise refused("dtype", f"one of {', '.join(names)}", value)
    return DTYPES[name]


def _shape(array: NDArray[Any]) -> str:
    return f"of shape {array.shape}"


def elements(name: str, values: Any, dims: tuple[int, ...], kinds: str = "iu") -> NDArray[Any]:
    """``values`` as an array of numbers of ``kinds`` (numpy's letters) in two dimensions.

    ``dims``: how many it may have; of a vector a row is made.
    """
    found = _array(values)
    what = "integers" if "f" not in kinds else "numbers"
    if found is None or found.dtype.kind == "O":
        raise refused(name, f"an array of {what}", values)
    if found.ndim not in dims or not found.size:
        allowed = " or ".join(str(x) for x in dims)
        raise refused(name, f"a non-empty array of {allowed} dimensions", found, _shape(found))
    if found.dtype.kind not in kinds:
        raise refused(name, what, found, found.dtype.name)
    return np.atleast_2d(found)


def stored(name: str, array: NDArray[Any], dtype: np.dtype, bits: int = 32) -> NDArray[Any]:
    """``array`` as ``dtype``, one of :data:`DTYPES`, if all its values fit that.

    ``bits``: that they must fit with their sign, too.
    """
    if dtype.kind == "f":
        with np.errstate(over="ignore", under="ignore"):
            found = array.astype(dtype)
        good = np.isfinite(found) & (found >= np.finfo(np.float32).tiny)
        rule = "positive normal float32"
    else:
        limits, half = np.iinfo(dtype), 1 << bits - 1
        low, high = max(int(limits.min), -half), min(int(limits.max), half - 1)
        found, good = array.astype(dtype), (array >= low) & (array <= high)
        rule = f"integers from {low} to {high} as {dtype.name}"
    if not good.all():
        raise refused(name, rule, array[~good][0].item())
    return found


def operand(name: str, values: Any, dims: tuple[int, ...], bits: int = 8) -> NDArray[Any]:
    """An operand of products of ``bits`` bits, 4, 8 or 16: without a sign if the integers' own type
    has none."""
    found = elements(name, values, dims)
    sign = "u" if found.dtype.kind == "u" else ""
    if bits == 8:
        return stored(name, found, DTYPES[f"{sign}int8"])
    low, high = (0, (1 << bits) - 1) if sign else (-1 << bits - 1, (1 << bits - 1) - 1)
    good = (found >= low) & (found <= high)
    if not good.all():
        raise refused(name, f"integers from {low} to {high} as {sign}int{bits}", found[~good][0])
    return found.astype(f"{sign}int{max(bits, 8)}")


def vector(name: str, values: Any, length: int, dtype: np.dtype, bits: int = 32) -> NDArray[Any]:
    """A row of ``length``: biases (int32, of ``bits``) or scales (float32)."""
    found = elements(name, values, (1, 2), "iuf" if dtype.kind == "f" else "iu")
    if found.shape != (1, length):
        given = str(found.shape[1]) if len(found) == 1 else _shape(found)
        raise refused(name, f"{length} of them, one for each column", found, given)
    return stored(name, found, dtype, bits)


def scales_of(name: str, value: Any, length: int) -> float | NDArray[np.float32]:
    """One scale, or a row of ``length``."""
    found = _array(value)
    if found is None or found.ndim == 0:
        return scale_of(name, value)
    return vector(name, value, length, DTYPES["float32"])
