"""From a graph to steps: what is a table, what is descriptors, and what the host runs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import UserError
from insitu.program.target import Target

from .compiled import Compiled, HostStep, MachineStep, Step, TableStep, together
from .costs import Costs
from .finish import Finish, finish
from .graph import Graph, Node
from .host import Host
from .operators import MACS, Lowered, NotProduct, Spec, Specs, lowered
from .operators.window import Window
from .products import Product
from .tables import Region, Table, regions

__all__ = ["Compiler", "specs_of"]

Array = NDArray[Any]
Arrays = Mapping[str, Array]


class Compiler:
    """Makes the program of a graph on a machine.

    Parameters
    ----------
    graph : Graph
    target : Target
    host : Host
        Runs the nodes of tables, on all values that there are.
    costs : Costs
    """

    def __init__(self, graph: Graph, target: Target, host: Host, costs: Costs) -> None:
        self._graph, self._target, self._host, self._costs = graph, target, host, costs

    def compiled(
        self, values: Arrays, base: int, tell: Callable[[str], None] = lambda name: None
    ) -> Compiled:
        """Steps and memory.

        Parameters
        ----------
        values : dict of arrays
            All tensors for one set of inputs: their shapes count, and what scales and zero points
            there are for that which is not constant is taken anew in a run.
        base : int
            First byte of memory that may be taken.
        tell : function
            Called with the name of each node that is under way.

        Raises
        ------
        UserError
            If there is not enough memory.
        """
        specs = specs_of(values)
        made = regions(self._graph, specs)
        steps: list[Step] = []
        for node in self._graph.nodes:
            tell(node.name)
            for name in node.outputs:
                maker = made.get(name)
                if isinstance(maker, Region):
                    kind = specs[maker.source].kind
                    table = Table(maker, kind, self._host, self._graph.constants)
                    steps.append(TableStep(table))
                elif maker is not None:
                    steps.append(self._step(node, values, specs))
                    break
        shell = self._target.shell
        return together(steps, base, 1 << shell.addr_bits if shell else None)

    def _step(self, node: Node, values: Arrays, specs: Specs) -> Step:
        try:
            try:
                return self._product(node, self._graph, specs, late=False)
            except NotProduct:
                known = {name: values[name] for name in node.inputs if name}
                if all(name in self._graph.constants for name in known):
                    raise
                graph = replace(self._graph, constants=known)
                return self._product(node, graph, specs, late=True)
        except (NotProduct, UserError) as error:
            return HostStep(node, str(error), _macs(node, specs))

    def _product(self, node: Node, graph: Graph, specs: Specs, *, late: bool) -> MachineStep:
        """``late``: constants of ``graph`` are those of one run."""
        found: list[tuple[int, Product]] = []
        refused: UserError | None = None
        constants = self._graph.constants
        for n, work in enumerate(lowered(node, graph, specs)):
            b = work.b(constants) if work.b_name in ("", *constants) else None
            ending = Finish("int32", "scales are not constant") if late else finish(
                self._target, work, b)  # fmt: skip
            try:
                found.append((n, Product(self._target, work, ending, b, late=late)))
            except UserError as error:
                refused = refused or error
        if not found:
            assert refused is not None
            raise refused
        choice = self._costs.choose(found)

        def relower(now: Arrays) -> Lowered:
            known = {name: now[name] for name in node.inputs if name}
            anew = replace(self._graph, constants=known) if late else self._graph
            return lowered(node, anew, specs_of(known) | specs_of(constants))[choice.way]

        return MachineStep(node, choice, choice.product.b, late, relower, {})


def specs_of(values: Arrays) -> dict[str, Spec]:
    """Shapes and types of tensors."""
    return {
        name: Spec(value.shape, value.dtype)
        for name, value in values.items()
        if isinstance(value, np.ndarray)
    }


def _macs(node: Node, specs: Specs) -> int:
    """Products of a node that multiplies on the host; 0 where that is not known."""
    if node.op not in MACS or "Average" in node.op:
        return 0
    # Where scale and zero point follow each operand, or not.
    second = 3 if node.op.startswith(("QLinear", "QGemm")) else 1
    names = [node.inputs[n] for n in (0, second) if n < len(node.inputs)]
    if len(names) < 2 or any(name not in specs for name in names):
        return 0
    x, w = (specs[name].shape for name in names)
    if "Conv" in node.op:
        if "Transpose" in node.op or len(x) != len(w):
            return 0
        outputs = Window.of(node, x[2:], w[2:]).outputs
        return x[0] * prod(outputs) * prod(w)
    turned = bool(node.attributes.get("transB", 0))
    return prod(x) * (w[-2] if turned and len(w) > 1 else w[-1])
