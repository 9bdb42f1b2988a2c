"""A node as a batch of integer products, and what surrounds them."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Node
from ..rounding import combined, requantised
from .gather import Gather

__all__ = [
    "Lines", "Lowered", "NotProduct", "Output", "Spec", "Specs", "constant", "one_zero", "scalar",
    "zeros",
]  # fmt: skip

Array = NDArray[Any]


@dataclass(frozen=True)
class Spec:
    """Shape and type of a tensor."""

    shape: tuple[int, ...]
    kind: np.dtype


Specs = Mapping[str, Spec]


class NotProduct(Exception):
    """Why a node does not run on a machine, in a few words."""


@dataclass(frozen=True)
class Output:
    """How sums become 8 bits: ``scale``, which broadcasts to batch × 1 × N, zero point, type."""

    scale: NDArray[np.float32]
    zero: int
    kind: np.dtype

    @classmethod
    def of(cls, graph: Graph, node: Node, a: int, b: int, y: int) -> "Output":
        """From the scales, inputs ``a``, ``b`` and ``y`` of ``node``, and the zero point after
        that of the output, whose type the output has."""
        b_scale = constant(graph, node, b, "the scale of B")
        zero = constant(graph, node, y + 1, "the zero point of the output")
        if b_scale is None or zero is None or zero.size != 1:
            raise NotProduct("its scales, or the zero point of its output, are left out")
        scale = combined(
            scalar(graph, node, a, "the scale of A"), np.ravel(b_scale),
            scalar(graph, node, y, "the scale of the output"),
        )  # fmt: skip
        return cls(scale, int(zero.flat[0]), zero.dtype)

    def of_sums(self, sums: Array) -> Array:
        """``sums``, batch × M × N, as the 8 bits that onnxruntime has."""
        return requantised(sums, self.scale, self.zero, self.kind)


@dataclass(frozen=True)
class Lines:
    """An A whose rows overlap: lines of an image, ``count`` of ``length`` bytes without gaps.

    ``stride``: bytes from a row of A to the next; ``batch``: from a matrix to the next; ``taps``:
    where each descriptor's first row begins. Their products are added up.
    """

    count: int
    length: int
    stride: int
    batch: int
    taps: tuple[int, ...]


@dataclass(frozen=True)
class Lowered:
    """``batch`` products of M × K by K × N: sums ``Σ (A − a_zero)(B − b_zero) + bias``.

    Parameters
    ----------
    sizes : (int, int, int, int)
        batch, M, N, K; with ``lines`` of one of the descriptors, whose sums are added up.
    a_name : str
        The tensor that A is made of.
    gather : Gather
        A from that tensor: batch × M × K of 8 bits, or the ``lines``.
    b : function
        B likewise: batch × K × N, or K × N that serves for the whole batch; with ``lines`` taps ×
        K × N, each for the whole batch.
    b_name : str
        The tensor that B is made of, "" if it is of none.
    a_key : hashable
        Equal for nodes that have the same A.
    a_kind, b_kind : numpy.dtype
    a_zero, b_zero : int
    bias : array or None
        int64 that broadcasts to batch × 1 × N, constant.
    output : Output or None
        How sums are rounded; ``None`` if the node's output are the sums.
    arrange : Gather
        The node's output from batch × M × N of its elements.
    macs : int
        Products that the node needs, without those that only fill up.
    way : str
        What is made of the node, in a few words.
    glue : str
        What the host does to A before, in a few words; "" if nothing.
    kind : str
        "grouped" or "depthwise" of such convolutions, else "".
    lines : Lines or None
    """

    sizes: tuple[int, int, int, int]
    a_name: str
    gather: Gather
    b: Callable[[Mapping[str, Array]], Array]
    b_name: str
    a_key: Hashable
    a_kind: np.dtype
    b_kind: np.dtype
    a_zero: int
    b_zero: int
    bias: Array | None
    output: Output | None
    arrange: Gather
    macs: int
    way: str = "product"
    glue: str = ""
    kind: str = ""
    lines: Lines | None = None

    def a(self, values: Mapping[str, Array]) -> Array:
        """A from the tensors by name."""
        return self.gather(values[self.a_name])


def constant(graph: Graph, node: Node, index: int, what: str) -> Array | None:
    """Input ``index`` of ``node``, which must be a constant if it is there."""
    if index >= len(node.inputs) or not node.inputs[index]:
        return None
    name = node.inputs[index]
    if name not in graph.constants:
        raise NotProduct(f"{what} is not a constant")
    return graph.constants[name]


def scalar(graph: Graph, node: Node, index: int, what: str) -> Any:
    """The same of one number, 0 if it is left out."""
    found = constant(graph, node, index, what)
    if found is None:
        return 0
    if found.size != 1:
        raise NotProduct(f"{what} is not one number")
    return found.reshape(())[()]


def one_zero(graph: Graph, node: Node, index: int, what: str) -> int:
    """A zero point that is one number, or the same in all columns."""
    found = constant(graph, node, index, what)
    if found is None:
        return 0
    if found.size and (found != found.flat[0]).any():
        raise NotProduct(f"{what} differs from column to column")
    return int(found.flat[0])


def zeros(graph: Graph, node: Node, a: int, b: int) -> tuple[int, int]:
    """Zero points of A and of B, inputs ``a`` and ``b`` of ``node``."""
    return (
        int(scalar(graph, node, a, "the zero point of A")),
        one_zero(graph, node, b, "the zero point of B"),
    )
