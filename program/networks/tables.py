"""Regions of elementwise nodes that are tables: 8 bits in, 8 bits out, all else constant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .graph import Graph, Node
from .host import Host
from .operators import Spec, Specs

__all__ = ["ELEMENTWISE", "Region", "Table", "regions"]

Array = NDArray[Any]
BYTES = (np.dtype("int8"), np.dtype("uint8"))
ELEMENTWISE = {
    "Abs", "Acos", "Acosh", "Add", "Asin", "Asinh", "Atan", "Atanh", "BiasGelu", "Cast", "Ceil",
    "Celu", "Clip", "Cos", "Cosh", "DequantizeLinear", "Div", "Elu", "Equal", "Erf", "Exp",
    "FastGelu", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish",
    "Identity", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Min", "Mish", "Mod", "Mul",
    "Neg", "Not", "PRelu", "Pow", "QLinearAdd", "QLinearLeakyRelu", "QLinearMul", "QLinearSigmoid",
    "QuantizeLinear", "QuickGelu", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin",
    "Sinh", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Tan", "Tanh", "ThresholdedRelu", "Where",
}  # fmt: skip
"""Types whose output at a place depends on the inputs at that place alone."""


@dataclass(frozen=True)
class Region:
    """Nodes between tensor ``source`` and tensor ``output``, in order: they are a table."""

    nodes: tuple[Node, ...]
    source: str
    output: str


class Table:
    """A region as 256 bytes.

    Parameters
    ----------
    region : Region
    kind : numpy.dtype
        Of the source: 8 bits.
    host : Host
        Runs the nodes on all values that there are.
    constants : dict of arrays
    """

    def __init__(
        self, region: Region, kind: np.dtype, host: Host, constants: Mapping[str, Array]
    ) -> None:
        self.region = region
        limits: Any = np.iinfo(kind)
        self._low = int(limits.min)
        values = dict(constants)
        values[region.source] = np.arange(limits.min, limits.max + 1).astype(kind)
        for node in region.nodes:
            values |= host.run(node, values)
        self.values = values[region.output].reshape(256)

    def of(self, x: Array) -> Array:
        """The output from the source."""
        return self.values[x.astype(np.int16) - self._low]


def regions(graph: Graph, specs: Specs) -> dict[str, Region | Node]:
    """What makes each tensor that is needed, by its name: a region, or the node as it is.

    Regions are as large as they can be: from a tensor that is no function of a single other one
    of 8 bits. What is needed by none but nodes of regions is not made.
    """
    makers = {name: node for node in graph.nodes for name in node.outputs if name}
    roots = _roots(graph, specs)
    found: dict[str, Region | Node] = {}
    wanted = list(graph.outputs)
    while wanted:
        name = wanted.pop()
        if name in found or name not in makers:
            continue
        if name in roots and _is_bytes(specs[name]):
            found[name] = _region(graph, makers, roots[name], name)
            wanted.append(roots[name])
        else:
            found[name] = makers[name]
            wanted += [x for x in makers[name].inputs if x]
    return found


def _roots(graph: Graph, specs: Specs) -> dict[str, str]:
    """By tensor: the one of 8 bits, as far up as there is one, that it is a function of, place by
    place; those that are of none left out."""
    roots: dict[str, str] = {}
    for node in graph.nodes:
        if node.op not in ELEMENTWISE or len(node.outputs) != 1:
            continue
        given = dict.fromkeys(x for x in node.inputs if x)
        varying = [x for x in given if x not in graph.constants]
        if not varying or not all(graph.constants[x].size == 1 for x in given if x not in varying):
            continue
        # What its inputs are a function of, or, if they do not agree, one of them itself.
        for root in dict.fromkeys([*(roots.get(x, x) for x in varying), *varying]):
            if (
                all(root in (x, roots.get(x)) for x in varying)
                and all(x in specs for x in (root, node.outputs[0]))
                and _is_bytes(specs[root])
                and specs[node.outputs[0]].shape == specs[root].shape
            ):
                roots[node.outputs[0]] = root
                break
    return roots


def _is_bytes(spec: Spec) -> bool:
    return spec.kind in BYTES


def _region(graph: Graph, makers: Mapping[str, Node], source: str, output: str) -> Region:
    inside: set[str] = set()
    wanted = [output]
    while wanted:
        name = wanted.pop()
        if name != source and name in makers and name not in inside:
            inside.add(name)
            wanted += [x for x in makers[name].inputs if x]
    return Region(tuple(x for x in graph.nodes if x.outputs[0] in inside), source, output)
