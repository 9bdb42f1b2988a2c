"""Names, types and constants in C."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import UserError

__all__ = ["KINDS", "Names", "array", "ctype", "identifier", "sizes"]

KINDS = {
    "bool": "uint8_t", "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t",
    "uint16": "uint16_t", "int32": "int32_t", "uint32": "uint32_t", "int64": "int64_t",
    "uint64": "uint64_t", "float32": "float", "float64": "double",
}  # fmt: skip
"""Type in C by numpy's."""
KEYWORDS = """
    asm auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while
"""
COLUMNS = 16
"""Numbers of a line."""


def ctype(kind: np.dtype, what: str) -> str:
    """The type of an element; ``UserError`` that names ``what`` if C has none."""
    if kind.name not in KINDS:
        raise UserError(f"MODEL: {what} must be of a type that C has, not {kind.name}")
    return KINDS[kind.name]


def identifier(text: str) -> str:
    """``text`` with an underscore for all that no identifier has."""
    found = re.sub(r"[^0-9A-Za-z]+", "_", text).strip("_") or "x"
    return (
        f"n{found}" if found[0].isdigit() else f"{found}_" if found in KEYWORDS.split() else found
    )


class Names:
    """Identifiers, all different; none of those ``taken``."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken, self._found = set(taken), dict[str, str]()

    def fresh(self, text: str) -> str:
        """A new one for ``text``."""
        first, number = identifier(text), 1
        found = first
        while found in self._taken:
            number += 1
            found = f"{first}_{number}"
        self._taken.add(found)
        return found

    def __call__(self, name: str) -> str:
        """That of ``name``, which is always the same one."""
        if name not in self._found:
            self._found[name] = self.fresh(name)
        return self._found[name]


def sizes(shape: Iterable[int]) -> str:
    """A shape as it is read: 1 × 28 × 28."""
    return " × ".join(map(str, shape)) or "one number"


def array(name: str, values: NDArray[Any], kind: str) -> str:
    """A constant array of ``values``, row after row, of C's type ``kind``."""
    flat = [_number(x, values.dtype) for x in values.reshape(-1).tolist()] or ["0"]
    lines = [", ".join(flat[n : n + COLUMNS]) for n in range(0, len(flat), COLUMNS)]
    text = ",\n    ".join(lines)
    return f"static const {kind} {name}[{len(flat)}] = {{\n    {text}\n}};\n"


def _number(x: Any, kind: np.dtype) -> str:
    if kind.kind == "f":
        if np.isnan(x):
            return "NAN"
        if np.isinf(x):
            return "-INFINITY" if x < 0 else "INFINITY"
        return x.hex() + ("f" if kind.itemsize == 4 else "")
    if kind.name == "int64":
        # The least one is no constant of C.
        return f"INT64_C({x})" if x > -(1 << 63) else f"(INT64_C({x + 1}) - 1)"
    if kind.name == "int32" and x == -(1 << 31):
        return f"({x + 1} - 1)"
    return {"uint32": f"{x}u", "uint64": f"UINT64_C({x})"}.get(kind.name, str(int(x)))
