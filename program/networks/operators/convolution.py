"""Convolutions of one and two dimensions: QLinearConv, ConvInteger.

Either the host copies the pixels that each output needs side by side (im2col); groups are a batch,
several of them side by side in one product where that takes fewer cycles. Or rows of the kernel are
descriptors over the image as it is, see :mod:`.lines`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Node
from .gather import Gather
from .lines import by_lines
from .product import Lowered, NotProduct, Output, Spec, Specs, constant, zeros
from .window import Window

__all__ = ["OPERATORS"]

Array = NDArray[Any]


def _convolution(
    node: Node, graph: Graph, specs: Specs, inputs: tuple[int, int], zero: tuple[int, int],
    bias: Array | None, output: Output | None,
) -> tuple[Lowered, ...]:  # fmt: skip
    x_name, w_name = (node.inputs[n] for n in inputs)
    w = constant(graph, node, inputs[1], "the kernel")
    assert w is not None
    x = specs[x_name]
    if len(x.shape) not in (3, 4):
        raise NotProduct(f"it has {len(x.shape) - 2} dimensions of pixels, not one or two")
    all_groups = int(node.attributes.get("group", 1))
    window = Window.of(node, x.shape[2:], w.shape[2:])
    ways = [
        _by_groups((x_name, w_name), x, w, all_groups, together, window, zero, bias, output)
        for together in (1, 2, 4, 8, 16, 32)
        if all_groups % together == 0
    ]
    if all_groups == 1:
        ways += by_lines((x_name, w_name), x, w, window, zero, bias, output)
    return tuple(ways)


def _by_groups(
    names: tuple[str, str], x: Spec, w: Array, all_groups: int, together: int, window: Window,
    zero: tuple[int, int], bias: Array | None, output: Output | None,
) -> Lowered:  # fmt: skip
    """So many groups ``together`` in one product, B having their kernels along its diagonal: it
    multiplies by as many zeros as there are, but fills an array's columns."""
    outputs, channels = window.outputs, w.shape[0]
    groups, one, depth = all_groups // together, channels // all_groups, prod(w.shape[1:])
    each, m, k = one * together, x.shape[0] * prod(outputs), depth * together
    kernels = w.reshape(groups, together, one, depth)
    weights = np.full((groups, k, each), zero[1], w.dtype)
    for n in range(together):
        part = kernels[:, n].swapaxes(1, 2)
        weights[:, n * depth : (n + 1) * depth, n * one : (n + 1) * one] = part

    def per_group(values: Array) -> Array:
        """One value, or one per channel, as it broadcasts to groups × 1 × channels of a group."""
        return values.reshape(groups, 1, each) if values.size == channels else values

    # groups × N × outputs × channels of a group as N × channels × outputs.
    pixels = range(2, 2 + len(outputs))
    arrange = Gather.moved(
        (groups, x.shape[0], *outputs, each), (1, 0, 2 + len(outputs), *pixels),
        (x.shape[0], channels, *outputs),
    )  # fmt: skip

    way = "im2col"
    if all_groups > 1:
        way += f", {groups} × {together} groups" if together > 1 else f", {groups} groups"
    return Lowered(
        sizes=(groups, m, each, k),
        a_name=names[0],
        gather=window.columns(x.shape[:2], groups, zero[0]),
        b=lambda values: weights[0] if groups == 1 else weights,
        b_name=names[1],
        a_key=(names[0], "im2col", window, groups, zero[0]),
        a_kind=x.kind,
        b_kind=w.dtype,
        a_zero=zero[0],
        b_zero=zero[1],
        bias=None if bias is None else per_group(bias),
        output=output and replace(output, scale=per_group(output.scale)),
        arrange=arrange,
        macs=m * channels * depth,
        way=way,
        glue="im2col",
        kind="" if all_groups == 1 else "depthwise" if w.shape[1] == 1 else "grouped",
    )


def _integer(node: Node, graph: Graph, specs: Specs) -> tuple[Lowered, ...]:
    """x, w, x_zero, w_zero."""
    return _convolution(node, graph, specs, (0, 1), zeros(graph, node, 2, 3), None, None)


def _linear(node: Node, graph: Graph, specs: Specs) -> tuple[Lowered, ...]:
    """x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias."""
    bias = constant(graph, node, 8, "the bias")
    return _convolution(
        node, graph, specs, (0, 3), zeros(graph, node, 2, 5),
        None if bias is None else bias.astype(np.int64), Output.of(graph, node, 1, 4, 6),
    )  # fmt: skip


OPERATORS: Mapping[str, Callable[[Node, Graph, Specs], tuple[Lowered, ...]]] = {
    "ConvInteger": _integer,
    "QLinearConv": _linear,
}
