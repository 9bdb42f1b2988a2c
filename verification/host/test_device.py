"""The driver against a board in numpy: its products, and its memory whatever fails."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.host import Device, HostError
from insitu.program.registers import Status
from insitu.sim_models import golden
from insitu.verification.bench.board_model import BOARDS, BoardModel, opened

A, B = np.arange(-6, 6).reshape(3, 4), np.arange(20).reshape(4, 5)
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda x: x,
    "list": lambda x: x.tolist(),
    "columns first": np.asfortranarray,
    "every second": lambda x: np.repeat(np.repeat(x, 2, 0), 2, 1)[::2, ::2],
    "backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
}
SCALARS = [int, np.int8, np.int64, np.uint16, np.array]


def drawn(data, rows: int, cols: int, *, unsigned: bool = True) -> np.ndarray:
    """Integers that an 8-bit operand can have, of any type that can have them."""
    kinds = "iu" if unsigned else "i"
    kind = data.draw(st.sampled_from(kinds))
    dtype = np.dtype(
        f"{data.draw(st.sampled_from('<>'))}{kind}{data.draw(st.sampled_from('1248'))}"
    )
    low, high = (-128, 127) if kind == "i" else (0, 255)
    values = np.random.default_rng(data.draw(st.integers(0, 99))).integers(
        low, high + 1, (rows, cols)
    )
    values.flat[0], values.flat[-1] = low, high
    return values.astype(dtype)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_products(data):
    """Of integers of any type, byte order and layout, on both kinds of board, in parts or not."""
    kind = data.draw(st.sampled_from([*BOARDS]))
    line, device = opened(**BOARDS[kind], size=data.draw(st.sampled_from([1 << 9, 1 << 14])))
    m, k, n = (data.draw(st.integers(1, 12)) for _ in range(3))
    a = drawn(data, m, k)
    b = drawn(data, k, n, unsigned=line.zero_points)
    options: dict[str, Any] = {}
    for name, matrix in (("a_zero", a), ("b_zero", b)):
        low, high = (0, 255) if matrix.dtype.kind == "u" else (-128, 127)
        if line.zero_points:
            value = data.draw(st.integers(low, high))
            scalar = data.draw(st.sampled_from(SCALARS))
            fits = scalar in (int, np.array) or value in range(*_range(scalar))
            options[name] = scalar(value) if fits else value
    bias = data.draw(st.none() | st.just(drawn(data, 1, n)[0].astype(">i8") * 1000))
    form = data.draw(st.sampled_from(["int32", "int8", "uint8"]))
    if form != "int32":
        options |= {"format": form, "zero": np.int16(data.draw(st.integers(0, 127)))}
        options["binary32"] = data.draw(st.sampled_from([False, True, np.True_]))
        options["scale"] = data.draw(
            st.sampled_from([0.01, np.float16(0.5), np.linspace(0.001, 0.02, n), [1] * n])
        )
    views = [LAYOUTS[data.draw(st.sampled_from([*LAYOUTS]))] for _ in range(2)]
    # A list forgets that its integers had no sign.
    left, right = (
        (view if view is not LAYOUTS["list"] or x.dtype.kind == "i" else np.asarray)(x)
        for view, x in zip(views, (a, b), strict=True)
    )
    found = device.matmul(left, right, bias=bias, **options)
    zeros = {name: int(options.get(name, 0)) for name in ("a_zero", "b_zero")}
    expected = golden.gemm(a.astype(np.int64), b.astype(np.int64), bias=bias, **zeros)
    if form != "int32":
        low, high = (-128, 127) if form == "int8" else (0, 255)
        zero = int(options["zero"])
        bounds: dict[str, Any] = {"zero": zero, "lo": low, "hi": high}
        rule = bool(options["binary32"])
        expected = golden.requantise(expected, options["scale"], **bounds, binary32=rule)
    assert found.dtype == form
    assert np.array_equal(found, expected)
    assert set(line.statuses) == {Status.OK}
    assert device.used == 0


def _range(scalar) -> tuple[int, int]:
    info = np.iinfo(scalar)
    return int(info.min), int(info.max) + 1


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "float32"])
@pytest.mark.parametrize("order", "<>")
def test_what_is_put_comes_back(dtype, order):
    values = np.arange(1, 16).reshape(5, 3).astype(np.dtype(dtype).newbyteorder(order))
    _, device = opened()
    matrix = device.put(values)
    assert matrix.dtype == dtype
    assert np.array_equal(device.get(matrix), values)
    device.get(matrix)[0, 0] = 0  # is the caller's


@pytest.mark.parametrize(("given", "becomes"), [("<i8", "int8"), (">u2", "uint8"), ("i2", "int8")])
def test_other_integers_are_operands(given, becomes):
    _, device = opened()
    assert device.put(A.clip(0).astype(given)).dtype == becomes
    assert device.put_weights(A.clip(0).astype(given)).dtype == becomes
    assert device.put(A.clip(0).astype(given), np.dtype(">i4")).dtype == np.int32


@pytest.mark.parametrize("kind", list(BOARDS))
@pytest.mark.parametrize("form", ["int8", "uint8"])
def test_bounds_follow_the_format(kind, form):
    """Left out they are the format's, and sums reach both."""
    line, device = opened(**BOARDS[kind])
    limits = np.iinfo(form)
    a, b = np.array([[127], [-128]]), np.array([[127]])
    found = device.matmul(a, b, format=form)
    assert found.ravel().tolist() == [limits.max, limits.min]
    matrix = device.gemm(device.put(a), device.put_weights(b), format=form, zero=np.uint8(7))
    assert device.get(matrix).ravel().tolist() == [limits.max, limits.min]
    found = device.matmul(a, b, format=form, low=np.int64(3), high=5)
    assert found.ravel().tolist() == [5, 3]
    assert set(line.statuses) == {Status.OK}


def test_a_product_left_running_ends_before_memory_is_written():
    """Else its C would come into what is put there next, and its completion before another's."""
    line, device = opened(patience=0.05, products=False)
    a, b = device.put(A), device.put_weights(B)
    used = device.used
    with pytest.raises(HostError, match=r"^product: must be done within 0.05 s$"):
        device.gemm(a, b)
    assert (device.used, line.aborts) == (used, 0)
    line.products = True
    assert np.array_equal(device.matmul(A, B), A @ B)
    assert line.statuses == [Status.ABORTED, Status.OK]
    # One that another program left, too.
    line.products = False
    with pytest.raises(HostError):
        device.gemm(a, b)
    Device(line)
    assert line.aborts == 2


@pytest.mark.parametrize("kind", [float, np.float16, np.longdouble, np.array])
def test_limits_may_be_numpys(kind):
    device = Device(BoardModel(), timeout=kind(0.5), patience=kind(2.0))
    assert device.matmul(A, B).tolist() == (A @ B).tolist()


def test_matrices_follow_each_other():
    _, device = opened()
    found = [device.put(np.arange(n)) for n in (1, 8, 9)]
    assert all(x.address + x.stride == y.address for x, y in pairwise(found))
    assert device.used == 32
