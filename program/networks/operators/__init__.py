"""Operators that become products on a machine: a module per family, found by a node's type."""

from collections.abc import Callable, Mapping
from typing import Any

from ..graph import Graph, Node
from . import convolution, matmul, pooling
from .product import Lines, Lowered, NotProduct, Output, Spec, Specs

__all__ = [
    "FLOAT", "MACS", "Lines", "Lowered", "NotProduct", "Output", "Spec", "Specs", "lowered",
]  # fmt: skip

_FAMILIES: Mapping[str, Callable[[Node, Graph, Specs], Any]] = {
    **convolution.OPERATORS, **matmul.OPERATORS, **pooling.OPERATORS,
}  # fmt: skip
FLOAT = ("Conv", "ConvTranspose", "Gemm", "MatMul", "FusedConv", "FusedMatMul", "FusedGemm")
"""Types that multiply in floating point."""
MACS = (*_FAMILIES, *FLOAT)


def lowered(node: Node, graph: Graph, specs: Specs) -> tuple[Lowered, ...]:
    """Ways to do ``node`` by products, the plainest first; :class:`NotProduct` with the reason if
    there is none.

    ``specs``: of all tensors by name.
    """
    if node.op not in _FAMILIES:
        what = "multiplies in floating point" if node.op in FLOAT else "multiplies no integers"
        raise NotProduct(what)
    found = _FAMILIES[node.op](node, graph, specs)
    return found if isinstance(found, tuple) else (found,)
