"""Random models of one quantised operator: odd shapes, all paddings, scales that make ties."""

import random
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

__all__ = ["OPERATORS", "draw"]

Array = NDArray[Any]
OPERATORS = (
    "QLinearConv", "ConvInteger", "QLinearMatMul", "MatMulInteger", "QGemm",
    "QLinearGlobalAveragePool",
)  # fmt: skip
SCALES = (0.1, 0.2, 0.5, 0.25, 1.0, 2.0**-7, 0.0123, 3.7e-3, 0.11)
MICROSOFT = "com.microsoft"


class _Draw:
    """Inputs and constants of a node under construction."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.numbers = rng, np.random.default_rng(rng.getrandbits(32))
        self.constants: list[onnx.TensorProto] = []
        self.inputs: dict[str, Array] = {}

    def kind(self) -> np.dtype:
        return np.dtype(self.rng.choice(["int8", "uint8"]))

    def values(self, kind: np.dtype, *shape: int) -> Array:
        """Full range, or extremes alone."""
        limits: Any = np.iinfo(kind)
        if self.rng.random() < 0.15:
            return self.numbers.choice([limits.min, limits.max], shape).astype(kind)
        return self.numbers.integers(limits.min, limits.max, shape, kind, endpoint=True)

    def zero(self, kind: np.dtype) -> Array:
        """Ends of the range, 0, or anything."""
        limits: Any = np.iinfo(kind)
        any_ = self.rng.randint(limits.min, limits.max)
        return np.asarray(self.rng.choice([limits.min, limits.max, 0, any_]), kind)

    def scale(self, *shape: int) -> Array:
        if shape and self.rng.random() < 0.5:
            return self.numbers.choice(SCALES, shape).astype(np.float32)
        one = np.float32(self.rng.choice(SCALES))
        return np.full(shape, one, np.float32)

    def output_scale(self, k: int) -> Array:
        """Such that results neither all vanish nor all saturate, or as it comes."""
        wide = self.rng.choice([0.1, 0.2, 0.5, 1.0, 4.0 * k**0.5])
        return np.asarray(wide * self.rng.choice(SCALES), np.float32)

    def constant(self, name: str, value: Array) -> str:
        self.constants.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def given(self, name: str, value: Array) -> str:
        self.inputs[name] = value
        return name

    def model(self, op: str, names: list[str], kind: np.dtype, domain: str = "", **given: Any):
        node = helper.make_node(op, names, ["y"], name="node", domain=domain, **given)
        inputs = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
            )
            for name, value in self.inputs.items()
        ]
        output = helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(kind), None)
        graph = helper.make_graph([node], "one", inputs, [output], self.constants)
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8), self.inputs


def draw(op: str, rng: random.Random) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """A model of operator ``op``, and inputs for it."""
    return _DRAWN[op](_Draw(rng))


def _convolution(d: _Draw, linear: bool):
    rng = d.rng
    dims = rng.choice([1, 2, 2])
    groups = rng.choice([1, 1, 1, 2, 3])
    each_in, each_out = rng.randint(1, 5), rng.randint(1, 5)
    if rng.random() < 0.2:  # depthwise
        groups, each_in = rng.randint(2, 6), 1
    kernel = [rng.randint(1, 3) for _ in range(dims)]
    dilations = [rng.choice([1, 1, 2]) for _ in range(dims)]
    reach = [q * (k - 1) + 1 for q, k in zip(dilations, kernel, strict=True)]
    size = [rng.randint(r, r + 5) for r in reach]
    given: dict[str, Any] = {"kernel_shape": kernel, "dilations": dilations, "group": groups}
    given["strides"] = [rng.randint(1, 3) for _ in range(dims)]
    auto = rng.choice(["NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])
    if auto == "NOTSET":
        given["pads"] = [rng.randint(0, 2) for _ in range(2 * dims)]
    else:
        # onnxruntime takes dilations with computed paddings of 1 alone.
        given |= {"auto_pad": auto, "dilations": [1] * dims}
    # Unsigned activations need unsigned weights to be the same on all processors.
    x_kind = d.kind()
    w_kind = np.dtype("int8") if x_kind == np.int8 else np.dtype("uint8")
    channels = groups * each_out
    x = d.given("x", d.values(x_kind, rng.randint(1, 2), groups * each_in, *size))
    w = d.constant("w", d.values(w_kind, channels, each_in, *kernel))
    x_zero = d.constant("x_zero", d.zero(x_kind))
    w_zero = d.constant("w_zero", d.zero(w_kind) if w_kind == np.uint8 else np.array(0, w_kind))
    if not linear:
        return d.model("ConvInteger", [x, w, x_zero, w_zero], np.dtype("int32"), **given)
    y_kind = x_kind
    names = [
        x, d.constant("x_scale", d.scale()), x_zero, w,
        d.constant("w_scale", d.scale(channels) if w_kind == np.int8 else d.scale()), w_zero,
        d.constant("y_scale", d.output_scale(each_in * int(np.prod(kernel)))),
        d.constant("y_zero", d.zero(y_kind)),
    ]  # fmt: skip
    if rng.random() < 0.5:
        bias = d.numbers.integers(-3000, 3000, channels)
        names.append(d.constant("bias", bias.astype(np.int32)))
    return d.model("QLinearConv", names, y_kind, **given)


def _matrices(d: _Draw) -> tuple[str, str, np.dtype, np.dtype, int, int]:
    """Names and kinds of A and B, K and N; B constant or given, with or without batches."""
    rng = d.rng
    m, n, k = (rng.randint(1, 12) for _ in range(3))
    a_kind = d.kind()
    b_kind = np.dtype("int8") if a_kind == np.int8 else np.dtype("uint8")
    outer = rng.choice([(), (), (2,), (2, 3), (1,)])
    a = d.given("a", d.values(a_kind, *outer, m, k))
    both = outer if rng.random() < 0.5 else ()
    put = d.constant if rng.random() < 0.5 else d.given
    return a, put("b", d.values(b_kind, *both, k, n)), a_kind, b_kind, k, n


def _matmul_integer(d: _Draw):
    a, b, a_kind, b_kind, _, _ = _matrices(d)
    names = [a, b, d.constant("a_zero", d.zero(a_kind)), d.constant("b_zero", d.zero(b_kind))]
    return d.model("MatMulInteger", names, np.dtype("int32"))


def _matmul_linear(d: _Draw):
    a, b, a_kind, b_kind, k, n = _matrices(d)
    names = [
        a, d.constant("a_scale", d.scale()), d.constant("a_zero", d.zero(a_kind)),
        b, d.constant("b_scale", d.scale()), d.constant("b_zero", d.zero(b_kind)),
        d.constant("y_scale", d.output_scale(k)), d.constant("y_zero", d.zero(a_kind)),
    ]  # fmt: skip
    return d.model("QLinearMatMul", names, a_kind)


def _gemm(d: _Draw):
    rng = d.rng
    m, n, k = (rng.randint(1, 12) for _ in range(3))
    kind = d.kind()
    turned = rng.getrandbits(1)
    a = d.given("a", d.values(kind, m, k))
    b = d.constant("b", d.values(kind, *((n, k) if turned else (k, n))))
    bias = d.numbers.integers(-3000, 3000, n).astype(np.int32)
    names = [
        a, d.constant("a_scale", d.scale()), d.constant("a_zero", d.zero(kind)),
        b, d.constant("b_scale", d.scale()), d.constant("b_zero", d.zero(kind)),
        d.constant("c", bias) if rng.random() < 0.6 else "",
        d.constant("y_scale", d.output_scale(k)), d.constant("y_zero", d.zero(kind)),
    ]  # fmt: skip
    return d.model("QGemm", names, kind, MICROSOFT, transB=turned)


def _pool(d: _Draw):
    rng, kind = d.rng, d.kind()
    shape = [rng.randint(1, 2), rng.randint(1, 6), rng.randint(1, 7), rng.randint(1, 7)]
    names = [
        d.given("x", d.values(kind, *shape)),
        d.constant("x_scale", d.scale()), d.constant("x_zero", d.zero(kind)),
        d.constant("y_scale", d.scale()), d.constant("y_zero", d.zero(kind)),
    ]  # fmt: skip
    return d.model(
        "QLinearGlobalAveragePool", names, kind, MICROSOFT, channels_last=rng.getrandbits(1)
    )


_DRAWN = {
    "QLinearConv": lambda d: _convolution(d, True),
    "ConvInteger": lambda d: _convolution(d, False),
    "QLinearMatMul": _matmul_linear,
    "MatMulInteger": _matmul_integer,
    "QGemm": _gemm,
    "QLinearGlobalAveragePool": _pool,
}
