"""Nodes that no machine computes: one at a time, by onnxruntime or by ONNX's reference."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from insitu.hdl.config import UserError

from .graph import OFF, Graph, Node, options, said

__all__ = ["Host", "Ort", "Reference"]

Array = NDArray[Any]


class Host(Protocol):
    """Runs the nodes of a graph one at a time."""

    def run(self, node: Node, values: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of ``node`` from the tensors by name, optional ones that are left out not.

        ``UserError`` if it cannot be run.
        """

    def all(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """All tensors from the ``inputs`` of the graph, those of no use left out.

        ``UserError`` if one cannot be had.
        """


class Reference:
    """By ``onnx.reference``, which has every operator of every version.

    Parameters
    ----------
    graph : Graph
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def run(self, node: Node, values: Mapping[str, Array]) -> dict[str, Array]:
        """See :class:`Host`."""
        wanted = [name for name in node.outputs if name]
        inputs = list(dict.fromkeys(name for name in node.inputs if name))
        model = _alone(self._graph, node, values, inputs, wanted)
        given = {name: values[name] for name in inputs}
        try:
            found = ReferenceEvaluator(model).run(wanted, given)
        except Exception as error:  # of any kind
            raise UserError(f"MODEL: node {node.name} ({node.op}): {said(error)}") from None
        return dict(zip(wanted, (np.asarray(x) for x in found), strict=True))

    def all(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """See :class:`Host`."""
        values = dict(inputs) | self._graph.constants
        for node in self._graph.nodes:
            values |= self.run(node, values)
        return values


class Ort:
    """By onnxruntime; sessions are made once.

    Parameters
    ----------
    graph : Graph
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    def run(self, node: Node, values: Mapping[str, Array]) -> dict[str, Array]:
        """See :class:`Host`."""
        wanted = [name for name in node.outputs if name]
        if wanted[0] not in self._sessions:
            self._sessions[wanted[0]] = self._session(node, values, wanted)
        session = self._sessions[wanted[0]]
        given = {one.name: values[one.name] for one in session.get_inputs()}
        return dict(zip(wanted, session.run(wanted, given), strict=True))

    def all(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """See :class:`Host`."""
        return self._graph.reference(inputs)

    def _session(
        self, node: Node, values: Mapping[str, Array], wanted: list[str]
    ) -> onnxruntime.InferenceSession:
        inputs = [x for x in dict.fromkeys(node.inputs) if x and x not in self._graph.constants]
        model = _alone(self._graph, node, values, inputs, wanted)
        try:
            return onnxruntime.InferenceSession(
                model.SerializeToString(), options(OFF), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own kinds have no common base
            raise UserError(f"MODEL: node {node.name} ({node.op}): {said(error)}") from None


def _alone(
    graph: Graph, node: Node, values: Mapping[str, Array], inputs: list[str], wanted: list[str]
) -> onnx.ModelProto:
    """A model of ``node`` alone; of its tensors those that are not ``inputs`` are constants."""
    if any(a.type == onnx.AttributeProto.GRAPH for a in node.proto.attribute):
        raise UserError(f"MODEL: node {node.name} ({node.op}) has graphs of its own in it")
    model = onnx.ModelProto()
    model.ir_version = graph.model.ir_version
    model.opset_import.extend(graph.model.opset_import)
    model.functions.extend(graph.model.functions)
    model.graph.name = "node"
    model.graph.node.append(node.proto)
    for name in dict.fromkeys(x for x in node.inputs if x):
        if name in inputs:
            kind = onnx.helper.np_dtype_to_tensor_dtype(np.asarray(values[name]).dtype)
            model.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, None))
        else:
            constant = onnx.numpy_helper.from_array(graph.constants[name], name)
            model.graph.initializer.append(constant)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    return model
