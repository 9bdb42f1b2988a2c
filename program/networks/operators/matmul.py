"""Matrix products: MatMulInteger, QLinearMatMul, QGemm."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Node
from .product import Lowered, NotProduct, Output, Specs, constant, zeros

__all__ = ["OPERATORS"]

Array = NDArray[Any]


def _stacked(
    a_shape: tuple[int, ...], b_shape: tuple[int, ...]
) -> tuple[tuple[int, int, int, int], tuple[int, ...], bool]:
    """batch, M, N, K; the output's shape; whether one B serves for all of the batch."""
    left, right = a_shape if len(a_shape) > 1 else (1, *a_shape), b_shape
    right = right if len(right) > 1 else (*right, 1)
    outer = np.broadcast_shapes(left[:-2], right[:-2])
    shape = (*outer, left[-2], right[-1])
    if len(b_shape) == 1:
        shape = shape[:-1]
    if len(a_shape) == 1:
        shape = (*outer, *shape[len(outer) + 1 :])
    if prod(right[:-2]) == 1:
        return (1, prod(left[:-1]), right[-1], left[-1]), shape, True
    return (prod(outer), left[-2], right[-1], left[-1]), shape, False


def _product(
    node: Node, specs: Specs, a: int, b: int, zero: tuple[int, int], output: Output | None
) -> Lowered:
    """Inputs ``a`` and ``b`` of a node multiplied as numpy.matmul does it."""
    a_name, b_name = node.inputs[a], node.inputs[b]
    a_shape, b_shape = specs[a_name].shape, specs[b_name].shape
    sizes, shape, shared = _stacked(a_shape, b_shape)
    batch, m, n, k = sizes

    def left(values: Mapping[str, Array]) -> Array:
        given = values[a_name]
        if shared:
            return given.reshape(1, m, k)
        outer = np.broadcast_shapes(a_shape[:-2], b_shape[:-2])
        return np.broadcast_to(given, (*outer, m, k)).reshape(batch, m, k)

    def right(values: Mapping[str, Array]) -> Array:
        given = values[b_name]
        if shared:
            return given.reshape(k, n)
        outer = np.broadcast_shapes(a_shape[:-2], b_shape[:-2])
        return np.broadcast_to(given, (*outer, k, n)).reshape(batch, k, n)

    return Lowered(
        sizes=sizes,
        a=left,
        b=right,
        b_name=b_name,
        a_key=(a_name, "matrix", batch, m),
        a_kind=specs[a_name].kind,
        b_kind=specs[b_name].kind,
        a_zero=zero[0],
        b_zero=zero[1],
        bias=None,
        output=output,
        arrange=lambda found: found.reshape(shape),
        macs=batch * m * n * k,
    )


def _integer(node: Node, graph: Graph, specs: Specs) -> Lowered:
    """A, B, a_zero, b_zero."""
    return _product(node, specs, 0, 1, zeros(graph, node, 2, 3), None)


def _linear(node: Node, graph: Graph, specs: Specs) -> Lowered:
    """a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero."""
    output = Output.of(graph, node, 1, 4, 6)
    if output.scale.size not in (1, specs[node.inputs[3]].shape[-1]):
        raise NotProduct("its scales are neither one nor one per column")
    return _product(node, specs, 0, 3, zeros(graph, node, 2, 5), output)


def _gemm(node: Node, graph: Graph, specs: Specs) -> Lowered:
    """A, a_scale, a_zero, B, b_scale, b_zero, C, y_scale, y_zero."""
    given = node.attributes
    if float(given.get("alpha", 1.0)) != 1.0:
        raise NotProduct("alpha is not 1")
    if len(node.inputs) < 8 or not node.inputs[7]:
        raise NotProduct("its output is in floating point")
    turned_a, turned_b = bool(given.get("transA", 0)), bool(given.get("transB", 0))
    a_name = node.inputs[0]
    b = constant(graph, node, 3, "B")
    assert b is not None
    b = b.T if turned_b else b
    (k, n), a_shape = b.shape, specs[a_name].shape
    m = a_shape[1] if turned_a else a_shape[0]
    bias = constant(graph, node, 6, "C")
    if bias is not None and bias.size not in (1, n):
        raise NotProduct("C is not one number per column")
    a_zero, b_zero = zeros(graph, node, 2, 5)
    return Lowered(
        sizes=(1, m, n, k),
        a=lambda values: (values[a_name].T if turned_a else values[a_name]).reshape(1, m, k),
        b=lambda values: b,
        b_name=node.inputs[3],
        a_key=(a_name, "matrix", 1, m, turned_a),
        a_kind=specs[a_name].kind,
        b_kind=b.dtype,
        a_zero=a_zero,
        b_zero=b_zero,
        bias=None if bias is None else np.broadcast_to(np.ravel(bias), n).astype(np.int64),
        output=Output.of(graph, node, 1, 4, 7),
        arrange=lambda found: found[0],
        macs=m * n * k,
    )


OPERATORS = {"MatMulInteger": _integer, "QLinearMatMul": _linear, "QGemm": _gemm}
