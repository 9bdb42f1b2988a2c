"""Sums over all pixels of a channel: QLinearGlobalAveragePool, a product with ones."""

from math import prod

import numpy as np

from ..graph import Graph, Node
from ..rounding import combined
from .gather import Gather
from .product import Lowered, NotProduct, Output, Specs, constant, scalar

__all__ = ["OPERATORS"]


def _average(node: Node, graph: Graph, specs: Specs) -> Lowered:
    """x, x_scale, x_zero, y_scale, y_zero: the scale is ``f32(sx / f32(sy · pixels))``."""
    name = node.inputs[0]
    x = specs[name]
    last = bool(node.attributes.get("channels_last", 0))
    images = x.shape[0]
    channels = x.shape[-1] if last else x.shape[1]
    pixels = prod(x.shape) // (images * channels)
    one = np.float32
    scale = combined(
        scalar(graph, node, 1, "the scale of the input"), 1.0,
        one(scalar(graph, node, 3, "the scale of the output")) * one(pixels),
    )  # fmt: skip
    zero = constant(graph, node, 4, "the zero point of the output")
    if zero is None:
        raise NotProduct("the zero point of its output is left out")
    dims = len(x.shape) - 2
    shape = (images, *[1] * dims, channels) if last else (images, channels, *[1] * dims)
    ones = np.ones((pixels, 1), np.int8)

    rows = (1, images * channels, pixels)
    inner, order = ((pixels, channels), (0, 2, 1)) if last else ((channels, pixels), (0, 1, 2))

    return Lowered(
        sizes=(1, images * channels, 1, pixels),
        a_name=name,
        gather=Gather.moved((images, *inner), order, rows),
        b=lambda values: ones,
        a_kind=x.kind,
        b_kind=ones.dtype,
        b_name="",
        a_key=(name, "channels", last),
        a_zero=int(scalar(graph, node, 2, "the zero point of the input")),
        b_zero=0,
        bias=None,
        output=Output(scale, int(zero.flat[0]), zero.dtype),
        arrange=Gather.moved((images * channels,), (0,), shape),
        macs=images * channels * pixels,
        way="product with ones",
    )


OPERATORS = {"QLinearGlobalAveragePool": _average}
