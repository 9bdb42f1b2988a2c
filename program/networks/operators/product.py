"""A node as a batch of integer products, and what surrounds them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Node

__all__ = ["Lowered", "NotProduct", "Spec", "Specs", "constant", "one_zero", "scalar"]

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
