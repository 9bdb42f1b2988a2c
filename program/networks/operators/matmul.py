"""Matrix products: MatMulInteger, QLinearMatMul, QGemm."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Node
from .gather import Gather, Loop
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


def _rows(a: tuple[int, ...], sizes: tuple[int, int, int, int], outer: tuple[int, ...]) -> Gather:
    """Matrices of shape ``a`` as batch × M × K, repeated so that ``outer`` are the sizes of the
    batch."""
    batch, m, _, k = sizes
    own = (*a[:-2], m, k)
    # Axes that a has not, or of which it has one, are repeated.
    first, dims = len(outer) - len(own) + 2, len(own)
    places = [n - first if n >= first and own[n - first] > 1 else None for n in range(len(outer))]
    loops = [
        Loop.along(count, dims, **({} if at is None else {f"x{at}": 1}))
        for count, at in zip((*outer, m, k), (*places, dims - 2, dims - 1), strict=True)
    ]
    return Gather(own, (batch, m, k), tuple(loops), (0,) * dims)


def _product(
    node: Node, specs: Specs, a: int, b: int, zero: tuple[int, int], output: Output | None
) -> Lowered:
    """Inputs ``a`` and ``b`` of a node multiplied as numpy.matmul does it."""
    a_name, b_name = node.inputs[a], node.inputs[b]
    a_shape, b_shape = specs[a_name].shape, specs[b_name].shape
    sizes, shape, shared = _stacked(a_shape, b_shape)
    batch, m, n, k = sizes

    def right(values: Mapping[str, Array]) -> Array:
        given = values[b_name]
        if shared:
            return given.reshape(k, n)
        outer = np.broadcast_shapes(a_shape[:-2], b_shape[:-2])
        return np.broadcast_to(given, (*outer, k, n)).reshape(batch, k, n)

    if shared:
        rows = Gather.moved(a_shape, range(len(a_shape)), (1, m, k))
    else:
        rows = _rows(a_shape, sizes, np.broadcast_shapes(a_shape[:-2], b_shape[:-2]))
    return Lowered(
        sizes=sizes,
        a_name=a_name,
        gather=rows,
        b=right,
        b_name=b_name,
        a_key=(a_name, "matrix", batch, m),
        a_kind=specs[a_name].kind,
        b_kind=specs[b_name].kind,
        a_zero=zero[0],
        b_zero=zero[1],
        bias=None,
        output=output,
        arrange=Gather.moved((batch * m * n,), (0,), shape),
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
        a_name=a_name,
        gather=Gather.moved(a_shape, (1, 0) if turned_a else (0, 1), (1, m, k)),
        b=lambda values: b,
        b_name=node.inputs[3],
        a_key=(a_name, "matrix", 1, m, turned_a),
        a_kind=specs[a_name].kind,
        b_kind=b.dtype,
        a_zero=a_zero,
        b_zero=b_zero,
        bias=None if bias is None else np.broadcast_to(np.ravel(bias), n).astype(np.int64),
        output=Output.of(graph, node, 1, 4, 7),
        arrange=Gather.moved((m, n), (0, 1), (m, n)),
        macs=m * n * k,
    )


OPERATORS = {"MatMulInteger": _integer, "QLinearMatMul": _linear, "QGemm": _gemm}
