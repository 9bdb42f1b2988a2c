"""Small models for tests, and those that must be refused."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

__all__ = ["REFUSED", "floating", "product", "save"]

INT8, FLOAT = TensorProto.INT8, TensorProto.FLOAT


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Iterable[tuple[str, int, Sequence[int | str]]],
    outputs: Iterable[str] = ("y",),
    constants: Mapping[str, Any] | None = None,
    opset: int = 13,
    domains: Iterable[str] = (),
) -> Path:
    """Write a model of ``nodes``; ``inputs``: name, type, sizes. Returns ``path``."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, kind, shape) for n, kind, shape in inputs],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def product(path: Path, b_zero: Any = None, kind: int = INT8, **given: Any) -> Path:
    """2 × 3 by 3 × 2, MatMulInteger."""
    constants = {"b": np.arange(6, dtype=np.int8).reshape(3, 2)}
    names = ["a", "b"]
    if b_zero is not None:
        constants, names = constants | {"z": b_zero}, [*names, "", "z"]
    node = helper.make_node("MatMulInteger", names, ["y"], name="product")
    return save(path, [node], [("a", kind, [2, 3])], constants=constants, **given)


def floating(path: Path, op: str = "MatMul") -> Path:
    """2 × 3 by 3 × 2 in floating point."""
    node = helper.make_node(op, ["a", "b"], ["y"])
    return save(path, [node], [("a", FLOAT, [2, 3])], constants={"b": np.ones((3, 2), np.float32)})


def _one(op: str, domain: str = "", kind: int = FLOAT, **given: Any) -> Callable[[Path], Path]:
    """A node of one input."""
    node = helper.make_node(op, ["a"], ["y"], domain=domain, **given)
    domains = [domain] if domain else []
    return lambda path: save(path, [node], [("a", kind, [2, 3])], domains=domains)


def _two(kind: int, left: list[int | str], right: list[int | str]) -> Callable[[Path], Path]:
    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    return lambda path: save(path, [node], [("a", kind, left), ("b", kind, right)])


def _bytes(content: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return make


def _cut(path: Path) -> Path:
    product(path)
    path.write_bytes(path.read_bytes()[:-20])
    return path


def _without_data(path: Path) -> Path:
    """Weights in a file beside it that is not there."""
    product(path)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (path.parent / "weights.bin").unlink()
    return path


def _circle(path: Path) -> Path:
    nodes = [
        helper.make_node("MatMulInteger", ["a", "b"], ["p"]),
        helper.make_node("Add", ["p", "q"], ["y"]),
        helper.make_node("Neg", ["y"], ["q"]),
    ]
    return save(path, nodes, [("a", INT8, [2, 3])], constants={"b": np.ones((3, 2), np.int8)})


def _per_column(path: Path) -> Path:
    return product(path, b_zero=np.array([1, 2], np.int8))


def _per_channel(path: Path) -> Path:
    """A convolution that ONNX allows, and onnxruntime has not."""
    constants = {"w": np.ones((3, 2, 1, 1), np.int8), "z": np.arange(3, dtype=np.int8)}
    node = helper.make_node("ConvInteger", ["x", "w", "", "z"], ["y"], name="conv")
    return save(path, [node], [("x", INT8, [1, 2, 4, 4])], constants=constants)


def _no_nodes(path: Path) -> Path:
    return save(path, [], [("y", INT8, [2])])


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "an old opset": (
        lambda path: product(path, opset=9),
        r"must have an opset of 10 or later, or be quantised with --calibrate, not 9",
    ),
    "an opset of the future": (
        lambda path: product(path, opset=99), r"onnxruntime refuses m\.onnx: ONNX .*Opset 99"
    ),
    "floating point": (
        floating, r"multiply integers; MatMul are in floating point: quantise it, with --calibrate$"
    ),
    "nothing that multiplies": (
        _one("Relu"), r"must have nodes that multiply integers$"
    ),
    "an unknown operator": (_one("Frobnicate"), r"onnxruntime refuses .*Frobnicate"),
    "an unknown domain": (
        _one("Frobnicate", "my.own"), r"onnxruntime refuses .*my\.own"
    ),
    "zero points per column": (
        _per_column,
        r"must have a node that ws-tiny computes; product \(MatMulInteger\): the zero point of B "
        r"differs from column to column",
    ),
    "zero points per channel": (
        _per_channel, r"cannot run it: node conv \(ConvInteger\): .*Non per-tensor quantization"
    ),
    "sizes that are not fixed": (
        _two(INT8, [2, "k"], ["k", 3]),
        r"input a: must be given, as its sizes 2 × \? are not fixed",
    ),
    "sizes that do not fit": (
        _two(INT8, [2, 4], [5, 3]), r"onnxruntime (refuses|cannot run)"
    ),
    "no 8 bits": (_two(TensorProto.INT16, [2, 4], [4, 3]), r"onnxruntime refuses .*int16"),
    "a circle": (_circle, r"onnxruntime refuses "),
    "no nodes": (_no_nodes, r"must be an ONNX model: it has no nodes"),
    "no model": (_bytes(b"not a model at all"), r"must be an ONNX model"),
    "an empty file": (_bytes(b""), r"must be an ONNX model: it has no nodes"),
    "half a file": (_cut, r"must be an ONNX model"),
    "weights that are elsewhere": (_without_data, r"must be an ONNX model: Data of .*name: b"),
}  # fmt: skip
"""Models that a user may have, each with what is said of it, in one line."""
