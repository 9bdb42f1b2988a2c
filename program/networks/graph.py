"""The graph that onnxruntime would execute, read from an ONNX file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from insitu.hdl.config import UserError
from insitu.program.arguments import one_line

__all__ = ["Graph", "Node", "graph_of", "options", "read", "said"]

Array = NDArray[Any]
Arrays = dict[str, Array]
LONGEST = 160
"""Characters of what onnxruntime says."""
LEAST_OPSET = 10
"""Of the first quantised operators."""
EXTENDED = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
OFF = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


@dataclass(frozen=True)
class Node:
    """A node: ``op`` is its type, ``inputs`` and ``outputs`` names of tensors, "" if left out."""

    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    proto: onnx.NodeProto = field(repr=False, compare=False)


@dataclass(frozen=True)
class Graph:
    """What onnxruntime would execute.

    Parameters
    ----------
    name : str
    nodes : tuple of Node
        In an order in which they can be done.
    constants : dict of arrays
        Initialisers by name.
    inputs : dict
        By name: type of numpy, and sizes, ``None`` for one that is not fixed.
    outputs : tuple of str
    model : onnx.ModelProto
        The same as onnxruntime wrote it.
    """

    name: str
    nodes: tuple[Node, ...]
    constants: Arrays
    inputs: dict[str, tuple[np.dtype, tuple[int | None, ...]]]
    outputs: tuple[str, ...]
    model: onnx.ModelProto = field(repr=False)

    def reference(self, inputs: Mapping[str, Array]) -> Arrays:
        """All tensors that onnxruntime computes, by name: it runs this very graph, every output of
        every node shown. ``UserError`` if it cannot."""
        shown = onnx.ModelProto()
        shown.CopyFrom(self.model)
        there = {one.name for one in shown.graph.output}
        names = [name for node in self.nodes for name in node.outputs if name]
        shown.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in names if name not in there
        )
        try:
            session = onnxruntime.InferenceSession(
                shown.SerializeToString(), options(OFF), providers=["CPUExecutionProvider"]
            )
            wanted = [one.name for one in session.get_outputs()]
            return dict(zip(wanted, session.run(wanted, dict(inputs)), strict=True))
        except Exception as error:  # onnxruntime's own kinds have no common base
            raise UserError(f"MODEL: onnxruntime cannot run it: {said(error)}") from None


def options(level: onnxruntime.GraphOptimizationLevel) -> onnxruntime.SessionOptions:
    """Options of a session: deterministic, and quiet about what it cannot fuse."""
    found = onnxruntime.SessionOptions()
    found.graph_optimization_level = level
    found.intra_op_num_threads = found.inter_op_num_threads = 1
    found.log_severity_level = 4  # errors are told of by us
    # Without it convolutions of int8 activations stay in float on x86.
    found.add_session_config_entry("session.qdqisint8allowed", "1")
    return found


def said(error: Exception) -> str:
    """What onnxruntime says in ``error``, in one line, without its codes and paths."""
    text = " ".join(str(error).split())
    text = text.rpartition(" failed:")[2] if "Load model from" in text else text
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text.strip())
    # Where in its sources: file, line and signature.
    text = re.sub(r"/\S+:\d+ .*?\)(?: const)? (?=[A-Z])", "", text)
    running = (
        r"Non-zero status code returned while running (\w+) node\. Name:'(.*?)' Status Message: "
    )
    text = re.sub(running, r"node \2 (\1): ", text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def read(path: str | Path) -> Graph:
    """The graph of the model at ``path``, fused as onnxruntime fuses it at its level "extended".

    Raises
    ------
    UserError
        For no file, one that is no ONNX model, an opset that is too old, or a model that
        onnxruntime refuses: in one line.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"MODEL: must be an ONNX file that exists, not {str(path)!r}")
    try:
        given = onnx.load(path)
        if not given.graph.node:
            raise ValueError("it has no nodes")
    except Exception as error:  # of many kinds, one of them protobuf's own
        text = one_line(str(error)) or type(error).__name__
        raise UserError(f"MODEL: {path} must be an ONNX model: {text}") from None
    opset = max((one.version for one in given.opset_import if one.domain in ("", "ai.onnx")),
                default=0)  # fmt: skip
    if opset < LEAST_OPSET:
        rule = f"an opset of {LEAST_OPSET} or later, or be quantised with --calibrate"
        raise UserError(f"MODEL: must have {rule}, not {opset}")
    with TemporaryDirectory() as folder:
        written = Path(folder) / "fused.onnx"
        wish = options(EXTENDED)
        wish.optimized_model_filepath = str(written)
        try:
            onnxruntime.InferenceSession(str(path), wish, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own kinds have no common base
            raise UserError(f"MODEL: onnxruntime refuses {path}: {said(error)}") from None
        model = onnx.load(written)
    return graph_of(path.stem, model)


def graph_of(name: str, model: onnx.ModelProto) -> Graph:
    """The graph of ``model`` as it is."""
    graph = model.graph
    constants = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    nodes = [
        Node(
            name=one.name or f"{one.op_type}_{n}",
            op=one.op_type,
            domain=one.domain,
            inputs=tuple(one.input),
            outputs=tuple(one.output),
            attributes={a.name: onnx.helper.get_attribute_value(a) for a in one.attribute},
            proto=one,
        )
        for n, one in enumerate(graph.node)
    ]
    inputs = {}
    for given in graph.input:
        if given.name not in constants:
            tensor = given.type.tensor_type
            sizes = tuple(
                d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None
                for d in tensor.shape.dim
            )
            kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
            inputs[given.name] = (np.dtype(kind), sizes)
    outputs = tuple(one.name for one in graph.output)
    return Graph(name, tuple(nodes), constants, inputs, outputs, model)
