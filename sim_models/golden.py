"""Golden model: exact integers, one pure function per operation; no sum or rounding in floats."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import UserError
from insitu.program.descriptor import Descriptor

__all__ = ["Scale", "check_k", "gemm", "requantise", "result", "wrap"]

Ints = NDArray[np.int64]


def _integers(name: str, values: ArrayLike, ndim: int) -> Ints:
    """``values`` modulo 2^64, as two's complement."""
    array = np.asarray(values)
    if array.ndim != ndim or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be integers in {ndim} dimensions, not {array.dtype} in {array.ndim}"
        )
    return array.astype(np.int64)


def _integer(name: str, value: int, lo: int, hi: int) -> int:
    """One integer, of Python or numpy, from ``lo`` to ``hi``."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name} must be an integer, not {value!r}")
    if not lo <= value <= hi:
        raise ValueError(f"{name} must be from {lo} to {hi}, not {value}")
    return int(value)


def wrap(values: ArrayLike, bits: int) -> Ints:
    """Integers ``values`` modulo ``2^bits`` as two's complement, ``bits`` from 1 to 64; same shape.

    ``ValueError`` if ``bits`` is out of range or values are not integers.
    """
    bits = _integer("bits", bits, 1, 64)
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise ValueError(f"values must be integers, not {array.dtype}")
    shift = np.int64(64 - bits)
    return np.left_shift(array.astype(np.int64), shift) >> shift


def check_k(k: int, max_k: int) -> None:
    """Refuse a K whose sums could overflow; ``UserError`` if ``k`` is not in 1…``max_k``."""
    if not isinstance(k, int | np.integer) or not 1 <= k <= max_k:
        raise UserError(f"K must be from 1 to {max_k} for these formats and acc_bits, not {k}")


def gemm(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_zero: int = 0,
    b_zero: int = 0,
    bias: ArrayLike | None = None,
    d: ArrayLike | None = None,
    acc_bits: int = 32,
) -> Ints:
    """``Σ_k (a[m,k] - a_zero)(b[k,n] - b_zero) + bias[n] + d[m,n]`` modulo ``2^acc_bits``.

    Parameters
    ----------
    a, b : integers, M×K and K×N
    a_zero, b_zero : int
        Zero points, within 32 bits signed.
    bias, d : integers, N and M×N
    acc_bits : int
        Accumulator width, 1 to 64.

    Returns
    -------
    M×N int64, two's complement of ``acc_bits``.

    Raises
    ------
    ValueError
        If shapes do not fit each other, values are not integers, or a number is out of range.
    """
    left, right = _integers("a", a, 2), _integers("b", b, 2)
    a_zero = _integer("a_zero", a_zero, -(2**31), 2**31 - 1)
    b_zero = _integer("b_zero", b_zero, -(2**31), 2**31 - 1)
    if left.shape[1] != right.shape[0]:
        raise ValueError(f"a and b must share K, not {left.shape} and {right.shape}")
    # int64 wraps modulo 2^64, so every sum here is exact modulo 2^acc_bits.
    with np.errstate(over="ignore"):
        acc = (left - a_zero) @ (right - b_zero)
        for name, term, ndim in (("bias", bias, 1), ("d", d, 2)):
            if term is not None:
                extra = _integers(name, term, ndim)
                if extra.shape != acc.shape[-ndim:]:
                    raise ValueError(
                        f"{name} must have shape {acc.shape[-ndim:]}, not {extra.shape}"
                    )
                acc = acc + extra
    return wrap(acc, acc_bits)


class Scale:
    """An IEEE binary32 scale as the integer pair that the hardware uses: ``multiplier · 2^-shift``.

    Parameters
    ----------
    value : float
        Positive and normal as a binary32, ``ValueError`` otherwise. Rounded to binary32 if it is
        not one already.

    Attributes
    ----------
    multiplier : int
        24 bits, the leading one included.
    shift : int
        From -104 to 149; ``multiplier · 2^-shift`` is the binary32 exactly.
    """

    def __init__(self, value: float) -> None:
        word = int(np.float32(value).view(np.uint32))
        sign, exponent, fraction = word >> 31, (word >> 23) & 0xFF, word & 0x7FFFFF
        if sign or not 1 <= exponent <= 254:
            raise ValueError(f"scale must be a positive normal binary32, not {value!r}")
        self.multiplier = fraction | 1 << 23
        self.shift = 150 - exponent


def requantise(
    acc: ArrayLike, scale: float | ArrayLike, *, zero: int = 0, lo: int = -128, hi: int = 127,
    binary32: bool = False,
) -> Ints:  # fmt: skip
    """``clamp(zero + round_half_even(acc · scale), lo, hi)`` with one rounding.

    Parameters
    ----------
    acc : integers, any shape
        Each within 32 bits signed.
    scale : float, or one per column
        Positive normal binary32 values. A vector applies to the last axis of ``acc``, and is as
        long.
    zero, lo, hi : int
        Zero point and bounds of the output, each within 32 bits signed, ``lo <= hi``.
    binary32 : bool
        The exact product is rounded to the nearest binary32, half to even, before it is rounded to
        an integer. For ``|acc| <= 2^24``, which a binary32 holds, that is what onnxruntime computes
        from ``float32(acc) * scale``.

    Returns
    -------
    int64 of the shape of ``acc``.

    Raises
    ------
    ValueError
        For a scale, an accumulator or bounds out of range.
    """
    values = np.asarray(acc)
    if values.dtype.kind not in "iu":
        raise ValueError(f"acc must be integers, not {values.dtype}")
    zero, lo, hi = (
        _integer(name, value, -(2**31), 2**31 - 1)
        for name, value in (("zero", zero), ("lo", lo), ("hi", hi))
    )
    if lo > hi:
        raise ValueError(f"lo must not exceed hi, not {lo} > {hi}")
    if values.size and not (values.min() >= -(2**31) and values.max() < 2**31):
        raise ValueError("acc must be within 32 bits signed")
    values = values.astype(np.int64)
    given = np.asarray(scale, dtype=np.float64)
    if given.ndim and given.shape != values.shape[-1:]:
        raise ValueError(
            f"scale must be one, or as many as the last axis of {values.shape}, not {given.shape}"
        )
    scales = [Scale(s) for s in np.atleast_1d(given)]
    multiplier = np.array([s.multiplier for s in scales], dtype=np.int64)
    shift = np.array([s.shift for s in scales], dtype=np.int64)

    # 32 × 24 bits: at most 55 bits and a sign, exact in int64.
    product = values * multiplier
    if binary32:
        # The power of two is exact in binary64, and so is the rest.
        nearest = product.astype(np.float32).astype(np.float64) * np.exp2(-shift.astype(np.float64))
        near = np.rint(np.clip(nearest, -(2.0**40), 2.0**40)).astype(np.int64)
        return np.clip(zero + near, lo, hi)
    # Beyond 57 places everything rounds to 0; a negative shift makes the result larger than any
    # bound by far, so saturating it keeps the int64 from overflowing.
    right = np.clip(shift, 1, 57)
    half = np.int64(1) << (right - 1)
    floor = product >> right
    rest = product - (floor << right)
    up = (rest > half) | ((rest == half) & (floor & 1 == 1))
    left = np.clip(-shift, 0, 20)
    limit = np.int64(1) << 40
    grown = np.clip(product, -limit, limit) << left
    rounded = np.where(shift >= 1, floor + up, grown)
    return np.clip(zero + rounded, lo, hi)


def result(
    job: Descriptor,
    a: Ints,
    b: Ints,
    *,
    acc_bits: int,
    bias: Ints | None = None,
    d: Ints | None = None,
    scales: NDArray[np.float32] | None = None,
) -> Ints:
    """What C must be, for one matrix of the batch: M×K ``a`` and K×N ``b`` as numbers.

    ``acc_bits``: of the machine; int32 results are sums modulo ``2^acc_bits``, sign-extended.
    """
    zeros = {"a_zero": job.a_zero, "b_zero": job.b_zero}
    acc = gemm(a, b, **zeros, bias=bias, d=d, acc_bits=acc_bits)
    if job.format == "int32":
        return acc
    scale = job.scale if scales is None else scales
    bounds = {"zero": job.zero, "lo": job.low, "hi": job.high}
    return requantise(acc, scale, **bounds, binary32=job.binary32)
