"""Golden model against Python's own integers and fractions; quantiser; timing model."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.hdl.config import ArrayConfig, config_names, load
from insitu.sim_models import digits, golden
from insitu.sim_models.quantise import quantise, symmetric_scale
from insitu.sim_models.timing import array_cycles, array_latency

LARGEST = float(np.finfo(np.float32).max)
INT32 = st.integers(-(2**31), 2**31 - 1)


def big_wrap(value: int, bits: int) -> int:
    value %= 1 << bits
    return value - (1 << bits) if value >> (bits - 1) else value


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_gemm_equals_big_integers(data):
    """Any values up to 16 bits, wrapped to any width."""
    m, k, n = (data.draw(st.integers(1, 5)) for _ in range(3))
    element = st.integers(-(2**15), 2**16 - 1)

    def matrix(rows, cols, of=element):
        return data.draw(
            st.lists(st.lists(of, min_size=cols, max_size=cols), min_size=rows, max_size=rows)
        )

    a, b = matrix(m, k), matrix(k, n)
    bias, d = matrix(1, n, INT32)[0], matrix(m, n, INT32)
    a_zero, b_zero = data.draw(element), data.draw(element)
    bits = data.draw(st.integers(8, 64))
    got = golden.gemm(a, b, a_zero=a_zero, b_zero=b_zero, bias=bias, d=d, acc_bits=bits)
    for row in range(m):
        for col in range(n):
            total = sum((a[row][i] - a_zero) * (b[i][col] - b_zero) for i in range(k))
            assert int(got[row, col]) == big_wrap(total + bias[col] + d[row][col], bits)


@settings(max_examples=500, deadline=None)
@given(
    acc=st.lists(INT32, min_size=1, max_size=8),
    scale=st.floats(2.0**-126, LARGEST, width=32, allow_nan=False, allow_subnormal=False),
    zero=st.integers(-(2**31), 2**31 - 1),
    ends=st.tuples(INT32, INT32),
)
def test_requantise_equals_fractions(acc, scale, zero, ends):
    lo, hi = min(ends), max(ends)
    exact = Fraction(float(np.float32(scale)))
    got = golden.requantise(np.array(acc), scale, zero=zero, lo=lo, hi=hi)
    # round() of a Fraction rounds half to even.
    assert got.tolist() == [min(max(zero + round(x * exact), lo), hi) for x in acc]


@settings(max_examples=300, deadline=None)
@given(
    odd=st.integers(-(2**20), 2**20),
    shift=st.integers(1, 10),
    zero=st.integers(-128, 127),
)
def test_requantise_ties_go_to_even(odd, shift, zero):
    """acc · 2^-shift exactly between two integers."""
    acc = (2 * odd + 1) << (shift - 1)
    if abs(acc) >= 2**31:
        return
    got = golden.requantise(np.array([acc]), 2.0**-shift, zero=zero, lo=-(2**31), hi=2**31 - 1)
    assert int(got[0]) - zero == round(Fraction(acc, 1 << shift))
    assert (int(got[0]) - zero) % 2 == 0


@settings(max_examples=500, deadline=None)
@given(
    acc=st.lists(st.integers(-(2**24), 2**24), min_size=1, max_size=8),
    scale=st.floats(2.0**-126, LARGEST, width=32, allow_nan=False, allow_subnormal=False),
    zero=st.integers(-128, 255),
)
def test_requantise_by_binary32_equals_numpy(acc, scale, zero):
    """What onnxruntime computes, from sums that a binary32 holds."""
    with np.errstate(over="ignore"):
        scaled = np.array(acc).astype(np.float32) * np.float32(scale)
    wanted = np.clip(np.rint(scaled.astype(np.float64)) + zero, -128, 255)
    got = golden.requantise(acc, scale, zero=zero, lo=-128, hi=255, binary32=True)
    assert got.tolist() == wanted.tolist()


def nearest_binary32(exact: Fraction) -> Fraction:
    """By fractions alone: 24 bits of a significand, half to even."""
    if not exact:
        return exact
    places = 23 - math.floor(math.log2(abs(exact)))
    unit = Fraction(2) ** places
    while not 2**23 <= abs(exact * unit) < 2**24:
        unit *= 2 if abs(exact * unit) < 2**23 else Fraction(1, 2)
    return round(exact * unit) / unit


def test_requantise_by_binary32_at_every_threshold():
    """Scales of all sizes and every result: the sums next to each k + ½, and two beyond."""
    rng = np.random.default_rng(1)
    differ = 0
    for log in range(-31, 8):
        scale = np.float32(2.0**log * rng.uniform(1, 2))
        exact = Fraction(float(scale))
        middle = [math.floor((k + Fraction(1, 2)) / exact) for k in range(-128, 128)]
        acc = [x + d for x in middle for d in range(-2, 4) if abs(x + d) <= 2**31 - 1]
        got = golden.requantise(acc, float(scale), binary32=True)
        wanted = [min(max(round(nearest_binary32(x * exact)), -128), 127) for x in acc]
        assert got.tolist() == wanted, scale
        inside = np.abs(acc) <= 2**24
        by_numpy = np.clip(np.rint(np.array(acc, np.float32) * scale), -128, 127)
        assert np.array_equal(got[inside], by_numpy[inside])
        differ += int((got != golden.requantise(acc, float(scale))).sum())
    assert differ > 100, differ


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan"), 2.0**-127, 1e-45])
def test_scale_must_be_positive_and_normal(scale):
    with pytest.raises(ValueError, match=r"^scale must be a positive normal binary32, not "):
        golden.requantise(np.array([1]), scale)


def test_requantise_per_column_and_extremes():
    acc = np.array([[-(2**31), 2**31 - 1], [1, -1]])
    got = golden.requantise(acc, [2.0**-24, 0.5])
    assert got.tolist() == [[-128, 127], [0, 0]]
    for scale in (2.0**-126, 2.0**127, LARGEST):
        assert golden.requantise(acc, scale).tolist() == [
            [min(max(round(int(x) * Fraction(scale)), -128), 127) for x in row] for row in acc
        ]


BIG = np.array([2**64 - 1], dtype=np.uint64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: golden.gemm([[1.5]], [[1]]), "^a must be integers in 2 dimensions, not float64"),
        (lambda: golden.gemm([[1, 2]], [[1]]), "^a and b must share K"),
        (lambda: golden.gemm([[1]], [[1]], bias=[1, 2]), "^bias must have shape"),
        (lambda: golden.wrap([1], 0), "^bits must be from 1 to 64, not 0"),
        (lambda: golden.check_k(0, 5), "^K must be from 1 to 5 .*, not 0$"),
        (lambda: golden.check_k(6, 5), "^K must be from 1 to 5 .*, not 6$"),
        (lambda: golden.requantise([1.0], 1.0), "^acc must be integers"),
        (lambda: golden.requantise([2**31], 1.0), "^acc must be within 32 bits signed"),
        (lambda: golden.requantise([1], 1.0, lo=1, hi=0), "^lo must not exceed hi"),
        (lambda: golden.requantise(BIG, 1.0), "^acc must be within 32 bits signed"),
        (lambda: golden.requantise([1], 1.0, zero=0.5), "^zero must be an integer, not 0.5"),  # type: ignore[arg-type]
        (lambda: golden.requantise([1], 1.0, hi=2**31), "^hi must be from .*, not 2147483648"),
        (lambda: golden.requantise([[1]] * 3, [1.0] * 5), r"^scale must be one, .*, not \(5,\)"),
        (lambda: golden.requantise([[1]], float("nan")), "^scale must be a positive normal"),
        (lambda: golden.wrap([1.5], 8), "^values must be integers, not float64"),
        (lambda: golden.gemm([[1]], [[1]], a_zero=0.5), "^a_zero must be an integer, not 0.5"),  # type: ignore[arg-type]
        (lambda: golden.gemm([[1]], [[1]], acc_bits=65), "^bits must be from 1 to 64, not 65"),
        (lambda: golden.check_k(1.5, 5), "^K must be from 1 to 5 .*, not 1.5$"),  # type: ignore[arg-type]
        (lambda: quantise([float("nan")], 1.0, bits=8), "^values must be finite"),
        (lambda: quantise([float("-inf")], 1.0, bits=8), "^values must be finite"),
        (lambda: quantise([1.0], float("inf"), bits=8), "^scale must be finite"),
        (lambda: quantise([1.0], 1.0, bits=8, zero=200), "^zero must be an integer from -128 to"),
        (lambda: quantise(["1"], 1.0, bits=8), "^values must be real numbers"),
        (lambda: symmetric_scale([1.0, float("nan")], 8), "^values must be finite"),
        (lambda: symmetric_scale([], 8), "^values must not be empty"),
        (lambda: quantise([1.0], 0.0, bits=8), "^scale must be positive"),
        (lambda: quantise([1.0], 1.0, bits=1), "^bits must be from 2 to 16, not 1"),
        (lambda: symmetric_scale([1.0], 17), "^bits must be from 2 to 16, not 17"),
        (lambda: array_cycles(ArrayConfig(), []), "^tiles must be"),
        (lambda: array_cycles(ArrayConfig(), [0]), "^tiles must be"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=20),
    bits=st.integers(2, 16),
)
def test_quantise_is_within_half_a_step(values, bits):
    scale = symmetric_scale(values, bits)
    steps = quantise(values, scale, bits=bits)
    limit = (1 << (bits - 1)) - 1
    assert np.abs(steps).max() <= limit + 1
    error = np.abs(steps * float(scale) - np.asarray(values))
    assert error.max() <= float(scale) * (0.5 + 1e-6 * limit) + 1e-30


@pytest.mark.parametrize("name", [n for n in config_names() if load(n).core.table == "array"])
def test_cycle_formula(name):
    """T equal tiles: the closed form of docs/array.md, and its bound on L."""
    config = load(name).array
    load_cycles = config.rows if config.flow == "ws" else 0
    latency = array_latency(config)
    depth = (config.dot - 1).bit_length()
    assert latency <= config.rows + config.cols + 14 + depth
    for tiles in (1, 2, 9):
        for beats in (1, config.rows, 3 * config.rows):
            apart = (tiles - 1) * max(beats, config.rows)
            assert array_cycles(config, [beats] * tiles) == apart + beats + latency + load_cycles


@pytest.mark.parametrize("flow", ["ws", "os"])
@pytest.mark.parametrize("target", [("generic", "inferred"), ("generic", "lut"), ("ecp5", "dsp")])
@pytest.mark.parametrize("form", ["int4", "int8", "uint16"])
def test_latency_bound_at_every_size(flow, target, form):
    for rows, cols, dot in product((1, 2, 5, 8, 16, 64, 65, 256), (1, 3, 64), (1, 3, 8, 64)):
        config = ArrayConfig(
            flow, rows, cols, dot, form, form, psum_bits=64, acc_bits=64,
            target=target[0], multiplier=target[1], zero_points=form != "uint16",
        )  # fmt: skip
        bound = rows + cols + 14 + (dot - 1).bit_length()
        assert array_latency(config) <= bound, config


def test_digits_network_in_integers():
    """The quantised network by the golden model alone: as good as the float one."""
    network, weights = digits.load()
    _, _, x, y = digits.images()
    assert len(x) >= 360
    exact = digits.accuracy(network.run(x, digits.golden_gemm), y)
    floating = digits.accuracy(digits.float_logits(weights, x)["classes"], y)
    assert exact >= 0.975
    assert exact >= floating - 0.005
    assert any(layer.b.shape[0] > 128 for layer in network.layers)
    assert all(np.abs(layer.b).max() <= 127 for layer in network.layers)


def test_im2col_is_a_convolution():
    x = np.arange(64).reshape(1, 8, 8)
    rows = digits.im2col(x)
    assert rows.shape == (36, 9)
    assert rows[7].tolist() == x[0, 1:4, 1:4].ravel().tolist()
