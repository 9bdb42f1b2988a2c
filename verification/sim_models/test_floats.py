"""Floating-point goldens against ml_dtypes, numpy and fractions."""

from fractions import Fraction
from itertools import product

import ml_dtypes
import numpy as np
import pytest

from insitu.hdl.formats import ELEMENT_FORMATS, FLOAT_FORMATS
from insitu.program.codes import NAN, binary32, narrow, numbers, unpack
from insitu.program.descriptor import Descriptor
from insitu.sim_models.numbers.exact import ExactGolden, exact_gemm

TYPES = {
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
    "fp16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "e2m1": ml_dtypes.float4_e2m1fn,
}
RESULTS = [name for name in TYPES if name != "e2m1"]


def values(codes: np.ndarray, name: str) -> np.ndarray:
    """What another library says that codes mean."""
    kind = np.uint8 if FLOAT_FORMATS[name].bits <= 8 else np.uint16
    with np.errstate(invalid="ignore"):
        found: np.ndarray = codes.astype(kind).view(TYPES[name]).astype(np.float64)
    return found


@pytest.mark.parametrize("name", TYPES)
def test_every_code(name):
    fmt = FLOAT_FORMATS[name]
    codes = np.arange(1 << fmt.bits)
    expected, found = values(codes, name), numbers(codes, fmt)
    np.testing.assert_array_equal(found, expected)
    some = ~np.isnan(expected)
    assert (np.signbit(found) == np.signbit(expected))[some].all()
    # All come back, NaNs as one.
    back = narrow(binary32(found), fmt)
    assert (back == (np.where(some, codes, fmt.nan) if fmt.has_nan else codes)).all()


@pytest.mark.parametrize("name", ELEMENT_FORMATS)
def test_unpacked(name):
    fmt = FLOAT_FORMATS[name]
    codes = np.arange(1 << fmt.bits)
    expected, found = values(codes, name), unpack(codes, fmt)
    finite = np.isfinite(expected)
    assert (found.fixed[finite] * 2.0**fmt.unit == expected[finite]).all()
    assert (found.nan == np.isnan(expected)).all()
    assert (found.infinite == np.isinf(expected)).all()
    assert fmt.fixed.hi == found.fixed.max() == -found.fixed.min() == -fmt.fixed.lo
    assert int(fmt.greatest) == codes[finite][expected[finite].argmax()]


@pytest.mark.parametrize("name", RESULTS)
def test_narrow_is_ml_dtypes(name):
    fmt, rng = FLOAT_FORMATS[name], np.random.default_rng(1)
    near = (rng.normal(size=200_000) * 2.0 ** rng.integers(-40, 20, 200_000)).astype(np.float32)
    codes = np.concatenate([rng.integers(0, 1 << 32, 200_000, np.uint32), near.view(np.uint32)])
    with np.errstate(all="ignore"):
        y = codes.view(np.float32).astype(TYPES[name])
        nothing = np.isnan(y.astype(np.float32))
    stored = y.view(np.uint8 if fmt.bits == 8 else np.uint16).astype(int)
    assert (narrow(codes.astype(np.int64), fmt) == np.where(nothing, fmt.nan, stored)).all()


@pytest.mark.parametrize("name", RESULTS)
def test_saturation(name):
    """As the OFP8 specification has it, and for the others alike: no infinity, NaNs stay."""
    fmt = FLOAT_FORMATS[name]
    x = np.array([np.inf, -np.inf, 3.4e38, -3.4e38, np.nan], np.float32)
    top = 1 << fmt.bits - 1
    found = narrow(binary32(x), fmt, saturate=True)
    assert found.tolist() == [fmt.greatest, fmt.greatest | top] * 2 + [fmt.nan]


def rounded(exact: Fraction) -> float:
    """The nearest binary32, half to even, of a number within its normal range."""
    if exact == 0:
        return 0.0
    exponent = -160
    while abs(exact) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    unit = Fraction(2) ** (exponent - 23)
    return float(round(exact / unit) * unit)


@pytest.mark.parametrize(("a_name", "b_name"), list(product(ELEMENT_FORMATS, repeat=2)))
def test_exact_sums(a_name, b_name):
    a_format, b_format = FLOAT_FORMATS[a_name], FLOAT_FORMATS[b_name]
    rng = np.random.default_rng(2)
    told = {"nan": 0, "inf": 0, "zero": 0, "number": 0}
    for case in range(50):
        k = int(rng.integers(1, 40))
        a = rng.integers(0, 1 << a_format.bits, (3, k))
        b = rng.integers(0, 1 << b_format.bits, (k, 4))
        for codes, fmt in ((a, a_format), (b, b_format)):
            wild = ~np.isfinite(values(codes, fmt.name))
            codes[wild] = rng.integers(0, 2, int(wild.sum()))
            if case % 2 and fmt.specials:
                special = fmt.infinity if fmt.has_infinity and case % 8 != 1 else fmt.nan
                codes[tuple(rng.integers(0, codes.shape))] = special | (case & 2) << fmt.bits - 2
        if case % 5 == 0:  # what cancels
            a, b = np.concatenate([a, a], 1), np.concatenate([b, b ^ 1 << b_format.bits - 1])
        x, y = values(a, a_name), values(b, b_name)
        found = exact_gemm(a, b, a_format, b_format)
        for m, n in np.ndindex(found.shape):
            with np.errstate(invalid="ignore"):
                terms = x[m] * y[:, n]
            got = float(found[m, n])
            if np.isfinite(terms).all():
                expected = rounded(sum(map(Fraction, terms), Fraction(0)))
                assert got == expected
                assert np.signbit(found[m, n]) == (expected < 0)
                told["number" if expected else "zero"] += 1
            else:
                with np.errstate(invalid="ignore"):
                    total = terms.sum()
                assert np.isnan(got) if np.isnan(total) else got == total
                told["nan" if np.isnan(total) else "inf"] += 1
    kinds = {f for name in (a_name, b_name) if (f := FLOAT_FORMATS[name]).specials}
    without = set() if any(f.has_infinity for f in kinds) else {"inf"}
    without |= set() if kinds else {"nan"}
    assert {name for name, count in told.items() if not count} <= without, told


def nearest(value: int, unit: int) -> float:
    """``value · 2^unit`` as binary32, half to even, where that is normal or 0."""
    places = max(0, abs(value).bit_length() - 24)
    kept, rest = divmod(abs(value), 1 << places)
    kept += 2 * rest > 1 << places or (2 * rest == 1 << places and kept % 2)
    return float(kept) * 2.0 ** (places + unit) * (-1 if value < 0 else 1)


@pytest.mark.parametrize("name", ELEMENT_FORMATS)
def test_hundred_thousand_sums(name):
    """In Python's integers; half of them end with the opposite of what they begin with."""
    fmt, rng = FLOAT_FORMATS[name], np.random.default_rng(4)
    unit = -2 * (1 - fmt.bias - fmt.fraction_bits)
    few = 0
    for case in range(10):
        top = int(rng.integers(1, fmt.greatest + 1))
        a, b = (rng.integers(0, top + 1, (100, 6)) for _ in range(2))
        a |= rng.integers(0, 2, a.shape) << fmt.bits - 1
        if case % 2:
            a, b = np.hstack([a, a[:, :5] ^ 1 << fmt.bits - 1]), np.hstack([b, b[:, :5]])
        found = exact_gemm(a, b.T, fmt, fmt)
        left, right = (
            (values(x, name) * 2.0 ** (unit // 2)).astype(int).astype(object) for x in (a, b)
        )
        expected = [[nearest(x, -unit) for x in row] for row in left @ right.T]
        np.testing.assert_array_equal(found, expected)
        few += int((np.abs(found) < 2.0**-4).sum())
    assert few > 100  # what cancels


@pytest.mark.parametrize("name", ["e4m3", "e5m2", "e2m1"])
def test_every_product(name):
    fmt = FLOAT_FORMATS[name]
    codes = np.arange(1 << fmt.bits)
    found = exact_gemm(codes[:, None], codes[None, :], fmt, fmt)
    with np.errstate(all="ignore"):
        expected = np.multiply.outer(values(codes, name), values(codes, name))
    np.testing.assert_array_equal(found, expected.astype(np.float32))


@pytest.mark.parametrize("form", ["fp32", "bf16", "fp16", "e4m3", "e5m2"])
def test_bias_then_d_then_the_format(form):
    rng = np.random.default_rng(3)
    fmt = FLOAT_FORMATS["e4m3"]
    a, b = rng.integers(0, 0x7F, (5, 9)), rng.integers(0x80, 0xFF, (9, 7))
    bias = (rng.normal(size=7) * 1e5).astype(np.float32)
    d = (rng.normal(size=(5, 7)) * 1e5).astype(np.float32)
    d[0, 0] = np.inf
    found = ExactGolden(fmt, fmt).result(
        Descriptor(5, 7, 9, format=form), a, b, bias=binary32(bias), d=binary32(d)
    )
    # Sums of 9 such products are exact in binary64.
    total = (values(a, "e4m3") @ values(b, "e4m3")).astype(np.float32)
    with np.errstate(all="ignore"):
        y = (total + bias) + d
        if form == "fp32":
            expected = np.where(np.isnan(y), NAN, y.view(np.uint32))
        else:
            expected = narrow(binary32(y), FLOAT_FORMATS[form])
    assert (found == expected).all()
