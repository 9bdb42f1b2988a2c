"""What the driver refuses: in one line, with nothing sent and no memory taken."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from insitu.host import Device, HostError, Matrix
from insitu.verification.bench.board_model import BOARDS, BoardModel, opened

A, B = np.arange(-6, 6).reshape(3, 4), np.arange(20).reshape(4, 5)


def _any(value: Any) -> Any:
    """Hides from the type checker what is wrong on purpose."""
    return value


def refused(line: BoardModel, device: Device, message: str, call) -> None:
    """``call`` is refused in one line, with nothing sent and no memory taken."""
    requests, used = line.requests, device.used
    with pytest.raises(HostError, match=f"^{message}") as found:
        call()
    assert "\n" not in str(found.value)
    assert (line.requests, device.used) == (requests, used)


ARRAYS: dict[str, tuple[Any, str]] = {
    "floats": (A * 1.0, "integers, not float64"),
    "halves": (A.astype(np.float16), "integers, not float16"),
    "bools": (A > 0, "integers, not bool"),
    "complex": (A * 1j, "integers, not complex128"),
    "text": ([["1", "2"]], "integers, not str"),
    "times": (A.astype("m8[s]"), "integers, not timedelta64"),
    "too large": (A * 100, r"integers from -128 to 127 as int8, not -600"),
    "too large without sign": (A.astype(np.uint16), r"integers from 0 to 255 as uint8, not 65530"),
    "huge": ([[2**70]], r"an array of integers, not \[\[1180591620717411303424\]\]"),
    "ragged": ([[1, 2], [3]], r"an array of integers, not \[\[1, 2\], \[3\]\]"),
    "none": (None, "an array of integers, not None"),
    "masked": (np.ma.array(A, mask=A > 0), "an array of integers, not masked_array"),
    "4-D": (A[None, None], r"a non-empty array of .* dimensions, not of shape \(1, 1, 3, 4\)"),
    "0-D": (3, r"a non-empty array of .* dimensions, not of shape \(\)"),
    "no rows": (A[:0], r"a non-empty array of .* dimensions, not of shape \(0, 4\)"),
    "no columns": (A[:, :0], r"a non-empty array of .* dimensions, not of shape \(3, 0\)"),
    "empty": ([], r"a non-empty array of .* dimensions, not of shape \(0,\)"),
}


@pytest.mark.parametrize("case", list(ARRAYS))
def test_arrays_that_are_refused(case):
    values, says = ARRAYS[case]
    line, device = opened()
    refused(line, device, f"a: must be {says}", lambda: device.matmul(values, B))
    refused(line, device, f"b: must be {says}", lambda: device.matmul(A, values))
    refused(line, device, f"values: must be {says}", lambda: device.put(values, np.int8)
            if "as uint8" not in says else device.put_weights(values))  # fmt: skip
    refused(line, device, f"values: must be {says}", lambda: device.put_weights(values))


INT8, UINT8 = "must be an integer from -128 to 127, not ", "must be an integer from 0 to 255, not "
ROW, SCALES = (
    "must be 5 of them, one for each column, not ",
    "must be positive normal float32, not ",
)
ALONE = "must be left out with format int32, not "
OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"b": B[:, 0]}, r"b: must be a non-empty array of 2 dimensions, not of shape \(4,\)"),
    ({"b": B[:3]}, "a, b: must agree in K, not 4 and 3"),
    ({"a": np.ones((1, 513), int), "b": np.ones((513, 1), int)},
     "K: must be an integer from 1 to 512 on this machine, not 513"),
    ({"bias": [1] * 4}, rf"bias: {ROW}4"),
    ({"bias": [1] * 6}, rf"bias: {ROW}6"),
    ({"bias": [[1]] * 5}, rf"bias: {ROW}of shape \(5, 1\)"),
    ({"bias": 1}, r"bias: must be a non-empty array of 1 or 2 dimensions, not of shape \(\)"),
    ({"bias": [0.5] * 5}, "bias: must be integers, not float64"),
    ({"bias": [1 << 31] * 5},
     "bias: must be integers from -2147483648 to 2147483647 as int32, not 2147483648"),
    ({"scale": [1.0] * 6, "format": "int8"}, rf"scale: {ROW}6"),
    ({"scale": [1, 1, 1, 1, 0], "format": "int8"}, f"scale: {SCALES}0"),
    ({"scale": "1", "format": "int8"}, "scale: must be a number, not '1'"),
    ({"scale": Fraction(1, 2), "format": "int8"}, r"scale: must be a number, not Fraction\(1, 2\)"),
    ({"scale": [[1.0], [1, 2]], "format": "int8"}, "scale: must be a number, not .*"),
    ({"scale": 0.5}, f"scale: {ALONE}0.5"),
    ({"scale": [1.0] * 5}, rf"scale: {ALONE}array\(.*\)"),
    ({"format": "int16"}, "format: must be one of int32, int8, uint8, not 'int16'"),
    ({"format": 1}, "format: must be one of int32, int8, uint8, not 1"),
    ({"a_zero": 128}, f"a_zero: {INT8}128"),
    ({"a": np.ones((1, 4), np.uint8), "a_zero": -1}, f"a_zero: {UINT8}-1"),
    ({"b_zero": 1.0}, f"b_zero: {INT8}1.0"),
    ({"a_zero": True}, f"a_zero: {INT8}True"),
    ({"a_zero": np.True_}, f"a_zero: {INT8}.*True_?"),
    ({"a_zero": "3"}, f"a_zero: {INT8}'3'"),
    ({"a_zero": [3]}, rf"a_zero: {INT8}\[3\]"),
    ({"zero": 1000, "format": "int8"}, f"zero: {INT8}1000"),
    ({"zero": -1, "format": "uint8"}, f"zero: {UINT8}-1"),
    ({"zero": 1}, "zero: must be 0 with format int32, not 1"),
    ({"low": -128, "format": "uint8"}, f"low: {UINT8}-128"),
    ({"high": 255, "format": "int8"}, f"high: {INT8}255"),
    ({"low": 5, "high": 4, "format": "int8"}, "high: must be an integer from 5 to 127, not 4"),
    ({"low": 0}, f"low: {ALONE}0"),
    ({"binary32": True}, f"binary32: {ALONE}True"),
    ({"binary32": 1, "format": "int8"}, "binary32: must be True or False, not 1"),
    *(({"scale": value, "format": "int8"}, f"scale: {SCALES}.*")
      for value in (0, -1.0, np.nan, np.inf, -np.inf, 1e-40, np.float64(1e-300), 1e39)),
    *(({"scale": value, "format": "int8"}, "scale: must be a number, not .*")
      for value in (True, None, 1j, 10**400)),
]  # fmt: skip


def test_a_board_that_cannot_round_by_binary32():
    """As its capability says: one whose register map is of before."""
    _, device = opened(binary32=False)
    with pytest.raises(HostError, match="^binary32: must be left out on this machine, not True$"):
        device.matmul(A, B, format="int8", binary32=True)


@pytest.mark.parametrize(("options", "says"), OPTIONS)
def test_products_that_are_refused(options, says):
    """As arrays, and as matrices where there are such."""
    line, device = opened()
    refused(line, device, says, lambda: device.matmul(**{"a": A, "b": B} | options))
    if not {"a", "b", "bias"} & set(options) and not isinstance(options.get("scale"), list):
        a, b = device.put(A), device.put_weights(B)
        refused(line, device, says, lambda: device.gemm(a, b, **options))
    assert not line.statuses


def test_a_board_without_zero_points():
    line, device = opened(**BOARDS["compact"])
    says = "a_zero: must be 0 on this machine, not 1$"
    refused(line, device, says, lambda: device.matmul(A, B, a_zero=1))
    a, b = device.put(A), device.put_weights(B)
    refused(line, device, says, lambda: device.gemm(a, b, a_zero=1))
    b = device.put(np.eye(4, dtype=int))
    refused(line, device, "b: must be stored transposed on this", lambda: device.gemm(a, b))
    turned = device.put_weights(np.eye(4, dtype=int))
    refused(line, device, "a: must not be stored tran", lambda: device.gemm(turned, turned))


@pytest.mark.parametrize("unsigned", [False, True])
def test_a_board_whose_formats_have_the_signs(unsigned):
    """Without zero points; A may have either sign on some."""
    given = {"zero_points": False, "unsigned": unsigned}
    right, wrong = (np.uint8, np.int8) if unsigned else (np.int8, np.uint8)
    a, b = np.array(A).astype(right), np.array(B).astype(right)
    line, device = opened(**given)
    says = f"b: must be {right.__name__} on this machine, not {wrong.__name__}$"
    refused(line, device, says, lambda: device.matmul(a, np.abs(b).astype(wrong)))
    assert np.array_equal(device.matmul(a.astype(wrong), b), a.astype(wrong).astype(int) @ b)
    line, device = opened(either_sign=False, **given)
    says = f"a: must be {right.__name__} on this machine, not {wrong.__name__}$"
    refused(line, device, says, lambda: device.matmul(np.abs(a).astype(wrong), b))


def test_biases_are_sums():
    line, device = opened(sum_bits=20)
    says = "bias: must be integers from -524288 to 524287 as int32, not 524288$"
    refused(line, device, says, lambda: device.matmul(A, B, bias=[1 << 19] * 5))
    found = device.matmul(A, B, bias=[-1 << 18] * 5)
    assert np.array_equal(found, A @ B - (1 << 18))


@pytest.mark.parametrize("bits", [4, 16])
def test_other_elements(bits):
    line, device = opened(bits=bits)
    assert (device.board.a_bits, device.board.b_bits) == (bits, bits)
    says = f"a: must be of {bits} bits on this board, which this driver cannot do$"
    refused(line, device, says, lambda: device.matmul(A, B))


def test_matrices_that_are_refused():
    line, device = opened()
    a, b, bias, scale = (
        device.put(A), device.put_weights(B), device.put([1] * 5, np.int32),
        device.put([1.0] * 5, np.float32),
    )  # fmt: skip
    _, other = opened()
    wide = device.put(A, np.int32)
    for name, matrix, says in (
        ("a", A, "a matrix of this device, not array"),
        ("a", other.put(A), "a matrix of this device that was not cleared$"),
        ("a", replace(a, place=None), "a matrix of this device that was not"),
        ("a", replace(a, rows=4), "within the memory that was taken for it"),
        ("a", replace(a, cols=9), "within the memory that was taken for it"),
        ("a", wide, "of int8 or uint8, not int32$"),
        ("b", bias, "of int8 or uint8, not int32$"),
        ("b", None, "a matrix of this device, not None$"),
        ("bias", device.put([1] * 4, np.int32), "a row of 5 int32, one for each column of b, not"),
        ("bias", device.put([1] * 6, np.int32), "a row of 5 int32"),
        ("bias", device.put([[1] * 5] * 2, np.int32), "a row of 5 int32"),
        ("bias", device.put([1] * 5), "a row of 5 int32"),
        ("bias", scale, "a row of 5 int32"),
        ("bias", [1] * 5, "a matrix of this device, not "),
        ("bias", replace(bias, transposed=True, rows=5, cols=1), "within the memory|a row of 5"),
        ("scale", bias, "a row of 5 float32, one for each column of b, not"),
        ("scale", device.put([1.0] * 4, np.float32), "a row of 5 float32"),
        ("scale", [1.0] * 5, "a number, not "),
    ):
        given = {"a": a, "b": b, "format": "int8", "scale": scale, "bias": bias} | {name: matrix}
        refused(line, device, f"{name}: must be ({says})", lambda given=given: device.gemm(**given))
    row = device.put(np.arange(24).reshape(3, 8)).reshaped(8, 3)
    refused(line, device, "a: must be in rows of whole 8 bytes", lambda: device.gemm(row, b))
    assert device.get(row).tolist() == np.arange(24).reshape(8, 3).tolist()
    assert device.get(device.gemm(a, b, format="int8", scale=scale, bias=bias)).shape == (3, 5)
    kept = device.used
    late = device.put(A)
    device.clear(kept)
    device.put(B)
    for call in (lambda: device.get(late), lambda: device.gemm(late, b)):
        refused(line, device, r"\w+: must be a matrix of this device that was not cleared$", call)
    refused(
        line, device, "matrix: must be a matrix of this device, not", lambda: device.get(_any(A))
    )


def test_sizes_and_addresses_that_are_refused():
    line, device = opened()
    matrix: Matrix = device.put(np.arange(16).reshape(2, 8))
    for value in (-1, 1.0, "8", None, True, 17, np.float64(8)):
        refused(line, device, "to: must be an integer from 0 to 16, not ",
                lambda value=value: device.clear(value))  # fmt: skip
    for value in (0, -1, 2.0, "2", None, True, 1 << 40):
        for call in (device.empty, lambda *x: matrix.reshaped(*x[:2])):
            refused(line, device, "rows: must be an integer from 1 to ",
                    lambda call=call, value=value: call(value, 2, np.int8))  # fmt: skip
            refused(line, device, "cols: must be an integer from 1 to ",
                    lambda call=call, value=value: call(2, value, np.int8))  # fmt: skip
    refused(line, device, "reshape: must keep 2 × 8 elements", lambda: matrix.reshaped(3, 5))
    says = "dtype: must be one of int8, uint8, int32, float32, not "
    for kind in (None, np.int64, "float64", bool, "nonsense", "i4,i4", 3, ["x"]):
        refused(line, device, says, lambda kind=kind: device.empty(2, 2, kind))
        if kind is not None:
            refused(line, device, says, lambda kind=kind: device.put([[1]], kind))
    refused(
        line, device, "dtype: must be one of int8, uint8, not", lambda: device.put_weights(B, "i4")
    )
    for value in (0.0, -1.0, np.nan, np.inf, 1e-40):
        for scales in (np.array([1, value], np.float32), np.array([1, value])):
            refused(line, device, "values: must be positive normal float32, not ",
                    lambda scales=scales: device.put(scales, np.float32))  # fmt: skip
    refused(line, device, "values: must be integers, not float64", lambda: device.put([0.5]))
    refused(line, device, r"memory: must hold \d+ bytes, not 16384; forget",
            lambda: device.put(np.zeros((999, 99), int)))  # fmt: skip
    assert device.used == 16
    device.clear(np.int64(0))
    assert device.used == 0


def test_misspelt_options():
    line, device = opened()
    with pytest.raises(TypeError, match="formt"):
        device.matmul(A, B, formt="int8")
    assert not line.writes


@pytest.mark.parametrize("name", ["timeout", "patience", "retries"])
@pytest.mark.parametrize("value", [-1, -0.5, np.nan, np.inf, "1", None, True, 1e99, [1]])
def test_limits_of_a_device(name, value):
    line = BoardModel()
    with pytest.raises(
        HostError, match=f"^{name}: must be an? (integer|number of seconds) .*, not "
    ):
        Device(line, **{name: value})
    assert not line.requests
    with pytest.raises(HostError, match=r"^line: must be a serial.Serial or like one; "):
        Device(_any("/dev/ttyUSB0"))


def test_whatever_fails_gives_memory_back():
    """As the line ends after every number of writes, and after the machine refused."""
    line, device = opened()
    kept = device.put(A)
    used, writes = device.used, line.writes
    scale: dict[str, Any] = {"scale": [0.5] * 5, "format": "int8", "bias": [1] * 5}
    device.matmul(A, B, **scale)
    for number in range(line.writes - writes):
        line.fails_after = number
        with pytest.raises(
            HostError, match=r"^port: must stay there, but failed \(\[Errno 5\] gone"
        ):
            device.matmul(A, B, **scale)
        assert device.used == used
        line.fails_after = None
        assert np.array_equal(device.matmul(A, B), A @ B)
    bad = device.put([1.0] * 5, np.float32)
    line.memory[bad.address : bad.address + 20] = 0
    b, used = device.put_weights(B), device.used
    with pytest.raises(HostError, match=r"^product: ended as bad_scale$"):
        device.gemm(kept, b, scale=bad, format="int8")
    assert device.used == used
    assert np.array_equal(device.get(device.gemm(kept, b)), A @ B)
    device.clear()
    device.empty(1, (1 << 14) - 900, np.int8)
    refused(line, device, "K: must leave room for a row and a column, not 500$",
            lambda: device.matmul(np.ones((1, 500), int), np.ones((500, 1), int)))  # fmt: skip
