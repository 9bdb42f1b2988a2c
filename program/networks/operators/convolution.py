"""Convolutions of one and two dimensions: QLinearConv, ConvInteger.

The host copies the pixels that each output needs side by side (im2col); groups are a batch, several
of them side by side in one product where that takes fewer cycles.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Node
from ..rounding import requantised
from .product import Lowered, NotProduct, Output, Spec, Specs, constant, zeros

__all__ = ["OPERATORS", "Window"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Window:
    """Which pixels each output is made of: per spatial dimension, from the outermost."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @classmethod
    def of(cls, node: Node, size: tuple[int, ...], kernel: tuple[int, ...]) -> "Window":
        """That of a convolution or pooling over pixels of ``size``."""
        given, count = node.attributes, len(size)
        ones, zeros = [1] * count, [0] * (2 * count)
        stride = tuple(given.get("strides", ones))
        dilation = tuple(given.get("dilations", ones))
        auto = given.get("auto_pad", b"NOTSET").decode()
        if auto == "NOTSET":
            pads = list(given.get("pads", zeros))
        elif auto == "VALID":
            pads = zeros
        else:
            # As many outputs as strides fit; an odd pixel goes to the end, or to the beginning.
            pads = [0] * (2 * count)
            for n in range(count):
                reach = dilation[n] * (kernel[n] - 1) + 1
                total = max(0, (-(-size[n] // stride[n]) - 1) * stride[n] + reach - size[n])
                less, more = total // 2, total - total // 2
                pads[n], pads[n + count] = (less, more) if auto == "SAME_UPPER" else (more, less)
        return cls(size, kernel, stride, dilation, tuple(pads[:count]), tuple(pads[count:]))

    @property
    def outputs(self) -> tuple[int, ...]:
        """Outputs per dimension."""
        return tuple(
            (size + before + after - d * (k - 1) - 1) // s + 1
            for size, k, s, d, before, after in zip(
                self.size, self.kernel, self.stride, self.dilation, self.before, self.after,
                strict=True,
            )
        )  # fmt: skip

    def columns(self, x: Array, groups: int, fill: int) -> Array:
        """N × C × pixels as groups × (N · outputs) × (C / groups · taps)."""
        count = len(self.size)
        pads = [(0, 0), (0, 0), *zip(self.before, self.after, strict=True)]
        padded = np.pad(x, pads, constant_values=np.asarray(fill, x.dtype))
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        axes = tuple(range(2, 2 + count))
        views = np.lib.stride_tricks.sliding_window_view(padded, reach, axes)
        steps = tuple(slice(None, None, s) for s in self.stride)
        taps = tuple(slice(None, None, d) for d in self.dilation)
        seen = views[(slice(None), slice(None), *steps, *taps)]
        images, channels = x.shape[:2]
        split = seen.reshape(images, groups, channels // groups, *seen.shape[2:])
        # Groups first, then the outputs, then channel and taps of each.
        order = (1, 0, *range(3, 3 + count), 2, *range(3 + count, 3 + 2 * count))
        rows = images * prod(self.outputs)
        return np.ascontiguousarray(split.transpose(order)).reshape(
            groups, rows, channels // groups * prod(self.kernel)
        )


def _convolution(
    node: Node, graph: Graph, specs: Specs, inputs: tuple[int, int], zero: tuple[int, int],
    bias: Array | None, finish: Callable[[Array], Array],
) -> Lowered:  # fmt: skip
    """``finish``: of N × M × pixels of sums, M being the output's channels."""
    x_name = node.inputs[inputs[0]]
    w = constant(graph, node, inputs[1], "the kernel")
    assert w is not None
    x = specs[x_name]
    if len(x.shape) not in (3, 4):
        raise NotProduct(f"it has {len(x.shape) - 2} dimensions of pixels, not one or two")
    all_groups = int(node.attributes.get("group", 1))
    window = Window.of(node, x.shape[2:], w.shape[2:])
    ways = [
        _by_groups(x_name, x, w, all_groups, together, window, zero, bias, finish)
        for together in (1, 2, 4, 8, 16, 32)
        if all_groups % together == 0
    ]
    return replace(ways[0], others=tuple(ways[1:]))


def _by_groups(
    x_name: str, x: Spec, w: Array, all_groups: int, together: int, window: Window,
    zero: tuple[int, int], bias: Array | None, finish: Callable[[Array], Array],
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
    alone = groups == 1

    def whole(sums: Array) -> Array:
        """groups × (N · outputs) × channels of a group as N × channels × outputs."""
        split = sums.reshape(groups, x.shape[0], *outputs, each)
        moved = np.moveaxis(split, -1, 1)  # groups × channels × N × outputs
        found = np.moveaxis(moved, 2, 0).reshape(x.shape[0], channels, *outputs)
        if bias is not None and not alone:
            # One vector of biases serves for a whole batch.
            extra = bias.reshape(1, channels, *[1] * len(outputs))
            found = (found.astype(np.int64) + extra).astype(np.int32)
        return finish(found)

    return Lowered(
        sizes=(groups, m, each, k),
        a=lambda values: window.columns(values[x_name], groups, zero[0]),
        b=lambda values: weights[0] if alone else weights,
        a_kind=x.kind,
        b_kind=w.dtype,
        a_zero=zero[0],
        b_zero=zero[1],
        fixed_b=True,
        bias=bias if alone else None,
        finish=whole,
        macs=m * channels * depth,
    )


def _integer(node: Node, graph: Graph, specs: Specs) -> Lowered:
    """x, w, x_zero, w_zero."""
    return _convolution(
        node, graph, specs, (0, 1), zeros(graph, node, 2, 3), None,
        lambda sums: sums.astype(np.int32),
    )  # fmt: skip


def _linear(node: Node, graph: Graph, specs: Specs) -> Lowered:
    """x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias."""
    output = Output.of(graph, node, 1, 4, 6)
    bias = constant(graph, node, 8, "the bias")
    pixels = [1] * (len(specs[node.inputs[0]].shape) - 2)
    scale = output.scale.reshape(1, -1, *pixels)
    return _convolution(
        node, graph, specs, (0, 3), zeros(graph, node, 2, 5),
        None if bias is None else bias.astype(np.int64),
        lambda sums: requantised(sums, scale, output.zero, output.kind),
    )  # fmt: skip


OPERATORS: Mapping[str, Callable[[Node, Graph, Specs], Lowered]] = {
    "ConvInteger": _integer,
    "QLinearConv": _linear,
}
