"""Nodes that no machine computes: each in a session of onnxruntime of its own."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from insitu.hdl.config import UserError

from .graph import OFF, Graph, Node, options, said

__all__ = ["Host"]

Array = NDArray[Any]


class Host:
    """Runs the nodes of a graph one at a time; sessions are made once.

    Parameters
    ----------
    graph : Graph
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    def run(self, node: Node, values: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of ``node`` from the tensors by name, optional ones that are left out not.

        ``UserError`` if onnxruntime cannot.
        """
        wanted = [name for name in node.outputs if name]
        if wanted[0] not in self._sessions:
            self._sessions[wanted[0]] = self._session(node, values, wanted)
        session = self._sessions[wanted[0]]
        given = {one.name: values[one.name] for one in session.get_inputs()}
        return dict(zip(wanted, session.run(wanted, given), strict=True))

    def _session(
        self, node: Node, values: Mapping[str, Array], wanted: list[str]
    ) -> onnxruntime.InferenceSession:
        graph = self._graph
        inputs = list(dict.fromkeys(x for x in node.inputs if x))
        inner = [a.g for a in node.proto.attribute if a.type == onnx.AttributeProto.GRAPH]
        if inner:
            raise UserError(f"MODEL: node {node.name} ({node.op}) has graphs of its own in it")
        model = onnx.ModelProto()
        model.ir_version = graph.model.ir_version
        model.opset_import.extend(graph.model.opset_import)
        model.functions.extend(graph.model.functions)
        model.graph.name = "node"
        model.graph.node.append(node.proto)
        for name in inputs:
            if name in graph.constants:
                model.graph.initializer.append(
                    onnx.numpy_helper.from_array(graph.constants[name], name)
                )
            else:
                kind = onnx.helper.np_dtype_to_tensor_dtype(np.asarray(values[name]).dtype)
                model.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, None))
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
        try:
            return onnxruntime.InferenceSession(
                model.SerializeToString(), options(OFF), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own kinds have no common base
            raise UserError(f"MODEL: node {node.name} ({node.op}): {said(error)}") from None
