"""Operators that become products on a machine: a module per family, found by a node's type."""

from ..graph import Graph, Node
from . import convolution, matmul, pooling
from .product import Lowered, NotProduct, Spec, Specs

__all__ = ["FLOAT", "MACS", "Lowered", "NotProduct", "Spec", "Specs", "lowered"]

_FAMILIES = {**convolution.OPERATORS, **matmul.OPERATORS, **pooling.OPERATORS}
FLOAT = ("Conv", "ConvTranspose", "Gemm", "MatMul", "FusedConv", "FusedMatMul", "FusedGemm")
"""Types that multiply in floating point."""
MACS = (*_FAMILIES, *FLOAT)


def lowered(node: Node, graph: Graph, specs: Specs) -> Lowered:
    """``node`` as a product; :class:`NotProduct` with the reason if it is none.

    ``specs``: of all tensors by name.
    """
    if node.op not in _FAMILIES:
        what = "multiplies in floating point" if node.op in FLOAT else "multiplies no integers"
        raise NotProduct(what)
    return _FAMILIES[node.op](node, graph, specs)
