"""A descriptor as software sees it: fields, and the words of the window."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .window import FIELDS, fields, window

__all__ = ["FORMATS", "Descriptor"]

FORMATS = ("int32", "int8", "uint8")
"""Of C, from sums of integers."""
FLOAT_RESULTS = ("fp32", "bf16", "fp16", "e4m3", "e5m2")
"""Of C, from sums of floating-point numbers."""
_CODES = {"int32": 0, "int8": 1, "uint8": 2, "fp32": 0, "bf16": 4, "fp16": 5, "e4m3": 6, "e5m2": 7}
_BYTES = {"int32": 4, "fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True)
class Descriptor:
    """One GEMM, or ``batch`` of them; names as in the register map.

    Addresses, strides and batch strides in bytes. ``low`` and ``high`` bound 8-bit results, which
    are rounded once, or with ``binary32`` to that format first. ``saturate``: floating-point
    results beyond the greatest number become that.
    """

    m: int
    n: int
    k: int
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    bias: int = 0
    scales: int = 0
    a_stride: int = 0
    b_stride: int = 0
    c_stride: int = 0
    d_stride: int = 0
    a_transposed: bool = False
    b_transposed: bool = False
    a_signed: bool = True
    b_signed: bool = True
    has_bias: bool = False
    addend: bool = False
    format: str = "int32"
    column_scale: bool = False
    scale: float = 1.0
    binary32: bool = False
    order: int = 0
    a_zero: int = 0
    b_zero: int = 0
    zero: int = 0
    low: int = 0
    high: int = 0
    m_block: int = 0
    n_block: int = 0
    k_block: int = 0
    batch: int = 1
    a_batch: int = 0
    b_batch: int = 0
    c_batch: int = 0
    d_batch: int = 0
    load_b: bool = True
    bank_first: int = 0
    saturate: bool = False

    @property
    def c_bytes(self) -> int:
        """Bytes of an element of C."""
        return _BYTES.get(self.format, 1)

    @property
    def wide(self) -> bool:
        """Whether C has sums as they are, int32 or fp32."""
        return _CODES[self.format] == 0

    def words(self) -> list[int]:
        """The words of the descriptor window, in order."""
        values: dict[str, int] = {
            "flags_version": 1,
            "flags_load_b": self.load_b,
            "bank_first": self.bank_first,
            "flags_format": _CODES[self.format] & 3,
            "flags_format_high": _CODES[self.format] >> 2,
            "flags_saturates": self.saturate,
            "flags_bias": self.has_bias,
            "zeros_a": self.a_zero,
            "zeros_b": self.b_zero,
            "clamp_zero": self.zero,
            "clamp_low": self.low,
            "clamp_high": self.high,
        }
        for flag in ("a_transposed", "b_transposed", "a_signed", "b_signed", "addend",
                     "column_scale", "binary32", "order"):  # fmt: skip
            values[f"flags_{flag}"] = getattr(self, flag)
        sizes = [*"mnk", *(f"{x}_block" for x in "mnk"), "batch"]
        for name in (*sizes, *(f"{x}_stride" for x in "abcd"), *(f"{x}_batch" for x in "abcd")):
            values[name] = getattr(self, name)
        for name in (*"abcd", "bias"):
            values |= {f"{name}_low": getattr(self, name) & 0xFFFFFFFF}
            values |= {f"{name}_high": getattr(self, name) >> 32}
        values["scale"] = int(np.float32(self.scale).view(np.uint32))
        if self.column_scale:
            values |= {"scale": self.scales & 0xFFFFFFFF, "scale_high": self.scales >> 32}
        return window(**values)

    @classmethod
    def of(cls, words: list[int], *, floats: bool = False) -> Self:
        """The descriptor that has these words, of a machine with floating-point numbers if
        ``floats``; ``ValueError`` for a format that there is not."""
        v = fields(words)
        code = v["flags_format"] | v["flags_format_high"] << 2
        names = {_CODES[name]: name for name in (FLOAT_RESULTS if floats else FORMATS)}
        if code not in names:
            raise ValueError(f"format must be one of {', '.join(map(str, names))}, not {code}")
        given: dict[str, Any] = {
            flag: bool(v[f"flags_{flag}"])
            for flag in ("a_transposed", "b_transposed", "a_signed", "b_signed", "addend",
                         "column_scale", "binary32", "load_b")
        }  # fmt: skip
        given |= {"has_bias": bool(v["flags_bias"]), "order": v["flags_order"]}
        sizes = [*"mnk", *(f"{x}_block" for x in "mnk"), "batch", "bank_first"]
        for name in (*sizes, *(f"{x}_stride" for x in "abcd"), *(f"{x}_batch" for x in "abcd")):
            given[name] = v[name]
        for name in (*"abcd", "bias"):
            given[name] = v[f"{name}_low"] | v[f"{name}_high"] << 32
        for name, key in (("a_zero", "zeros_a"), ("b_zero", "zeros_b"), ("zero", "clamp_zero"),
                          ("low", "clamp_low"), ("high", "clamp_high")):  # fmt: skip
            given[name] = _signed(key, v[key])
        if given["column_scale"]:
            given["scales"] = v["scale"] | v["scale_high"] << 32
        else:
            given["scale"] = float(np.uint32(v["scale"]).view(np.float32))
        return cls(**given, format=names[code], saturate=bool(v["flags_saturates"]))


def _signed(name: str, value: int) -> int:
    """A field's value, in two's complement, as a number."""
    bits = FIELDS[name][1].bits
    return value - (value >> bits - 1 << bits)
