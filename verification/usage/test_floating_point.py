"""Products of floating-point numbers by the Python door, and what is refused."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from insitu.hdl.config import CONFIG_DIR, ConfigError, UserError, load
from insitu.machine import Machine
from insitu.verification.bench.passed import at_night

TYPES: dict[str, Any] = {
    "fp32": np.float32,
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
}
FP8 = TYPES["e4m3"]


def matrices(m: int = 5, k: int = 33, n: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(m, k)).astype(FP8), rng.normal(size=(k, n)).astype(FP8)


@pytest.mark.parametrize("on", at_night(["golden", "model", "rtl"], 3))
def test_products(on):
    """Of ml_dtypes' own arrays, and of the same numbers in other types."""
    a, b = matrices()
    rng = np.random.default_rng(2)
    bias, d = rng.normal(size=7).astype(np.float32), rng.normal(size=(5, 7)).astype(np.float32)
    # Sums of so few products are exact in binary64.
    total = (a.astype(float) @ b.astype(float)).astype(np.float32)
    with Machine("os-e4m3-tiny", on=on) as machine:
        for name, kind in TYPES.items():
            found = machine.matmul(a, b.astype(np.float64), bias=bias, d=d, format=name)
            assert found.array.dtype == (np.float16 if name == "fp16" else np.float32)
            expected = ((total + bias) + d).astype(kind)
            np.testing.assert_array_equal(found.array, expected.astype(np.float32))
            assert (found.cycles is None) == (on == "golden")
        plain = machine.matmul(a.tolist(), b)
        np.testing.assert_array_equal(plain.array, total)


def test_batches_and_specials():
    a, b = matrices()
    a3 = np.stack([a, a])
    a3[1, 0, 0] = np.nan
    with Machine("ws-fp8-tiny") as machine:
        right = b.astype(TYPES["e5m2"])
        right[0, 1] = np.inf
        found = machine.matmul(a3, right).array
    with np.errstate(invalid="ignore"):
        expected = (a3.astype(float) @ right.astype(float)).astype(np.float32)
    np.testing.assert_array_equal(found, expected)
    assert np.isnan(found[1, 0]).all()
    assert np.isinf(found[0, :, 1]).any()


def test_saturation():
    big = np.full((1, 9), 448.0)
    with Machine("os-e4m3-tiny") as machine:
        for name, most in (("e4m3", 448.0), ("e5m2", 57344.0), ("fp16", 65504.0)):
            capped = machine.matmul(big, -big.T, format=name, saturate=True)
            assert capped.array.tolist() == [[-most]]
        assert np.isnan(machine.matmul(big, big.T, format="e4m3").array)
        assert np.isinf(machine.matmul(big, big.T, format="fp16").array)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 2.0}, "scale: must be left out on a machine of floating-point numbers, not 2.0"),
        ({"a_zero": 1}, "a_zero: must be left out on a machine of floating-point numbers, not 1"),
        ({"format": "int8"}, "format: must be one of fp32, bf16, fp16, e4m3, e5m2, not 'int8'"),
        ({"saturate": True}, "saturate: must be left out with format fp32, not True"),
        ({"saturate": 1, "format": "e4m3"}, "saturate: must be True or False, not 1"),
        ({"bias": [1.0]}, "bias: must be 7 of them, one for each column, not of shape (1, 1)"),
        ({"bias": [0.1] * 7}, "bias: must be of numbers that float32 has; round them first, not"),
        ({"d": [[1]]}, "d: must be of the product's shape (5, 7), not (1, 1)"),
        ({"a": 1.0625}, "a: must be of numbers that e4m3 has; round them first, not 1.0625"),
        ({"a": 512.0}, "a: must be of numbers that e4m3 has; round them first, not 512"),
        ({"a": np.inf}, "a: must be of numbers that e4m3 has; round them first, not inf"),
        ({"a": 2.0**-10}, "a: must be of numbers that e4m3 has; round them first, not 0.0009"),
        ({"a": True}, "a: must be an array of numbers, not bool"),
        ({"a": 1j}, "a: must be an array of numbers, not complex128"),
        ({"a": "x"}, "a: must be an array of numbers, not str32"),
        ({"a": 1e50}, "a: must be of numbers that float32 has; round them first, not 1e+50"),
    ],
    ids=lambda x: "" if isinstance(x, str) else next(iter(x)),
)
def test_refusals(options, message):
    a, b = matrices()
    if "a" in options:
        options, a = {}, np.full(a.shape, options["a"])
    with Machine("os-e4m3-tiny") as machine, pytest.raises(UserError) as caught:
        machine.matmul(a, b, **options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(message)


def test_integers_do_not_saturate():
    with Machine("ws-tiny") as machine, pytest.raises(UserError, match=r"^saturate: must be left"):
        machine.matmul([[1]], [[1]], saturate=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('b_format = "e4m3"', 'b_format = "int8"', "array.b_format: must be a floating-point"),
        ("zero_points = false", "zero_points = true", "array.zero_points: must be false with"),
        ("acc_bits = 54", "acc_bits = 36", "array.acc_bits: must be at least 37 to hold"),
        ("acc_bits = 54", "acc_bits = 54\ndot = 2", "array.dot: must be 1 with floating-point"),
        ('"e4m3"', '"bf16"', "array.a_format: must be one of"),
    ],
)
def test_configurations(old, new, message, tmp_path):
    text = (CONFIG_DIR / "os-e4m3-tiny.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "x.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(message)
