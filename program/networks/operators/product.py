"""A node as a batch of integer products, and what surrounds them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Node
from ..rounding import combined

__all__ = [
    "Lowered", "NotProduct", "Output", "Spec", "Specs", "constant", "one_zero", "scalar", "zeros",
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
class Lowered:
    """``batch`` products of M × K by K × N: sums ``Σ (A − a_zero)(B − b_zero) + bias``.

    Parameters
    ----------
    sizes : (int, int, int, int)
        batch, M, N, K.
    a : function
        A from the tensors by name: batch × M × K of 8 bits.
    b : function
        B likewise: batch × K × N, or K × N that serves for the whole batch.
    a_kind, b_kind : numpy.dtype
    a_zero, b_zero : int
    fixed_b : bool
        B is known when the node is lowered.
    bias : array or None
        int32 of N, constant.
    finish : function
        The node's output from the sums: batch × M × N of int32.
    macs : int
        Products that the node needs, without those that only fill up.
    others : tuple of Lowered
        Other ways to the same output, of which a machine takes the one with the fewest cycles.
    """

    sizes: tuple[int, int, int, int]
    a: Callable[[Mapping[str, Array]], Array]
    b: Callable[[Mapping[str, Array]], Array]
    a_kind: np.dtype
    b_kind: np.dtype
    a_zero: int
    b_zero: int
    fixed_b: bool
    bias: Array | None
    finish: Callable[[Array], Array]
    macs: int
    others: "tuple[Lowered, ...]" = ()


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


@dataclass(frozen=True)
class Output:
    """How sums become 8 bits: ``scale``, one or one per column, zero point, and type."""

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
