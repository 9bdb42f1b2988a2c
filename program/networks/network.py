"""A network on a machine: compiled, run, and checked against onnxruntime tensor by tensor."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import Config, UserError
from insitu.machine import Machine
from insitu.program.runner import summed

from . import inputs as network_inputs
from .compile import Compiler, specs_of
from .compiled import Compiled, HostStep, MachineStep, Step, TableStep
from .costs import Costs
from .graph import Graph, read
from .host import Host, Ort
from .operators import FLOAT, MACS, Specs
from .products import Product
from .rows import Done, Row, counted, different, planned

__all__ = ["Done", "Network", "Row", "load"]

Array = NDArray[Any]
Arrays = dict[str, Array]
Tell = Callable[[str], None]


class Network:
    """A graph and the machine that its products are for.

    Parameters
    ----------
    graph : Graph
    machine : Machine
        On golden model, exact models, RTL or a board.
    host : Host or None
        What runs the other nodes; onnxruntime if left out, and then a graph that multiplies no
        integers is refused: ``UserError``.
    """

    def __init__(self, graph: Graph, machine: Machine, *, host: Host | None = None) -> None:
        self.graph, self.machine = graph, machine
        self._host: Host = host or Ort(graph)
        self._costs = Costs(machine.config, machine.runner.target)
        self._compiled: dict[Hashable, tuple[Compiled, Specs]] = {}
        # Weights in banks, and how many programs the machine had run when they were there.
        self._held: set[tuple[int, int, int]] = set()
        self._ran: int | None = None
        ops = {node.op for node in graph.nodes}
        if host is None and not ops & (set(MACS) - set(FLOAT)):
            floats = sorted(ops & set(FLOAT))
            rule = "have nodes that multiply integers"
            if floats:
                rule += (
                    f"; {', '.join(floats)} are in floating point: quantise it, with --calibrate"
                )
            raise UserError(f"MODEL: {graph.name} must {rule}")

    def inputs(self, given: Mapping[str, ArrayLike] | None = None, seed: int = 1) -> Arrays:
        """``given``, checked; without them random ones, see :mod:`.inputs`.

        ``UserError`` for names, types and shapes that are not the model's.
        """
        if given is None:
            return network_inputs.drawn(self.graph, seed)
        return network_inputs.given(self.graph, given)

    # --- Compile, plan ---

    def compile(
        self, inputs: Mapping[str, ArrayLike] | None = None, tell: Tell = lambda name: None
    ) -> Compiled:
        """The program for inputs of the shapes of ``inputs``, made once for each.

        ``tell`` is called with the name of each node that is under way.
        """
        given = self.inputs(inputs)
        return self._program(given, lambda: self._host.all(given), tell)[0]

    def _program(
        self, given: Arrays, values: Callable[[], Arrays], tell: Tell
    ) -> tuple[Compiled, Specs]:
        key = self._key(given)
        if key not in self._compiled:
            target = self.machine.runner.target
            compiler = Compiler(self.graph, self.machine.config, target, self._host, self._costs)
            known = given | self.graph.constants | values()
            compiled = compiler.compiled(known, self.machine.runner.base, tell)
            self._compiled[key] = compiled, specs_of(known)
        return self._compiled[key]

    def _key(self, given: Arrays) -> Hashable:
        return self.machine.runner.base, *(value.shape for value in given.values())

    def plan(
        self, inputs: Mapping[str, ArrayLike] | None = None, tell: Tell = lambda name: None
    ) -> list[Row]:
        """What runs where, with the exact models' cycles; shapes are those of ``inputs``."""
        return [planned(step, self._costs) for step in self.compile(inputs, tell).steps]

    # --- Run ---

    def run(
        self,
        inputs: Mapping[str, ArrayLike] | None = None,
        *,
        check: bool = False,
        tell: Callable[[Row], None] = lambda row: None,
        planning: Tell = lambda name: None,
    ) -> Done:
        """All steps in order. Weights that have banks of their own stay there for the next run, if
        the machine runs nothing else between.

        Parameters
        ----------
        inputs : dict of arrays
            By name; random ones if left out.
        check : bool
            Compare every tensor of the machine's nodes and of tables, and every output, with
            onnxruntime's.
        tell : function
            Called with the row of each node that is done.
        planning : function
            Called with the name of each node that is planned.

        Raises
        ------
        UserError
            For inputs that are not the model's, and where onnxruntime or the machine cannot.
        """
        given = self.inputs(inputs)
        reference = self.graph.reference(given) if check else {}
        for again in (False, True):
            found = self._program(given, lambda: reference or self._host.all(given), planning)
            try:
                return self._run(*found, given, reference, tell)
            except _OtherShapes:
                # Shapes depend on values: what was made for others does not fit these.
                del self._compiled[self._key(given)]
                if again:
                    raise
        raise AssertionError

    def _run(
        self, compiled: Compiled, specs: Specs, given: Arrays, reference: Arrays,
        tell: Callable[[Row], None],
    ) -> Done:  # fmt: skip
        values: Arrays = given | self.graph.constants
        rows: list[Row] = []
        for step in compiled.steps:
            found, row = self._step(compiled, specs, step, values)
            if reference and (
                not isinstance(step, HostStep) or found.keys() & set(self.graph.outputs)
            ):
                wrong = sum(different(found[x], reference[x]) for x in found)
                row = replace(row, different=wrong)
            values |= found
            rows.append(row)
            tell(row)
        outputs = {name: values[name] for name in self.graph.outputs}
        exact = None
        if reference:
            last = sum(different(outputs[x], reference[x]) for x in outputs if x in reference)
            exact = last == 0 and not any(row.different for row in rows)
        return Done(outputs, rows, exact)

    def _step(
        self, compiled: Compiled, specs: Specs, step: Step, values: Arrays
    ) -> tuple[Arrays, Row]:
        row = planned(step, self._costs)
        if isinstance(step, HostStep):
            return self._host.run(step.node, values), row
        if isinstance(step, TableStep):
            region = step.table.region
            return {region.output: step.table.of(values[region.source])}, row
        if any(values[x].shape != specs[x].shape for x in step.node.inputs if x):
            raise _OtherShapes
        output, row = self._on_machine(compiled, step, row, values)
        return {step.node.outputs[0]: output}, row

    def _on_machine(
        self, compiled: Compiled, step: MachineStep, row: Row, values: Arrays
    ) -> tuple[Array, Row]:
        runner, product, b = self.machine.runner, step.product, step.b
        image, jobs = step.image, step.jobs
        if not step.is_fixed or b is None:
            work = step.relower(values) if step.late else product.work
            b = work.b(values)
            product = Product(runner.target, work, product.ending, b, late=step.late)
            jobs = product.jobs(step.places, [job.bank_first for job in jobs])
            image = tuple(x for pieces in product.image(jobs, b).values() for x in pieces)
        # A machine that does not say what it ran may have lost what its banks had.
        ran: int | None = getattr(runner, "ran", None)
        if ran is None or ran != self._ran:
            self._held.clear()
        keys = [(id(compiled), call.job.bank_first, call.job.b) for call in step.calls]
        jobs = [
            replace(job, load_b=key not in self._held)
            for key, job in zip(keys, jobs, strict=True)
        ]  # fmt: skip
        program = compiled.part(step, product, jobs, image)
        done = summed(runner, program, {"a": product.work.a(values)})
        self._held |= {key for key, call in zip(keys, step.calls, strict=True) if call.stays}
        self._ran = getattr(runner, "ran", None)
        output = product.output(done.outputs["c"], b)
        return output, counted(row, step, jobs, done.counters, self._costs)


class _OtherShapes(Exception):
    """A tensor has not the shape that was compiled for."""


def load(
    model: str | Path, config: str | Path | Config = "ws-8x8", on: str = "golden", **options: Any
) -> Network:
    """The network in the ONNX file ``model`` on a machine.

    ``config``, ``on`` and ``options`` are those of :class:`insitu.Machine`. ``UserError`` in one
    line for what cannot be run.
    """
    graph = read(model)
    return Network(graph, Machine(config, on, **options))
