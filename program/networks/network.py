"""A network on a machine: compiled, run, and checked against onnxruntime tensor by tensor."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import Config, UserError
from insitu.machine import Machine
from insitu.program.runner import Runner, Session, begin, is_keeping

from . import inputs as network_inputs
from .compile import Compiler, specs_of
from .compiled import Compiled, HostStep, MachineStep, Step, TableStep
from .costs import Costs
from .emit import Emitted, Emitter
from .graph import Graph, read
from .host import Host, Ort
from .operators import FLOAT, MACS, Specs
from .products import Product
from .rows import Done, Row, counted, different, planned

__all__ = ["Network", "load"]

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
        target = machine.runner.target
        machine.config.need_integers("quantised networks")
        self._costs = Costs(machine.config, target)
        self._compiler = Compiler(graph, target, self._host, self._costs)
        self._begun: dict[Hashable, _Begun] = {}
        # Weights in banks, and how many programs the machine had run when they were there.
        self._held: set[tuple[_Begun, int, int]] = set()
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
        return self._program(given, lambda: self._host.all(given), tell).compiled

    def _program(self, given: Arrays, values: Callable[[], Arrays], tell: Tell) -> "_Begun":
        key, runner = _key(given), self.machine.runner
        found = self._begun.get(key)
        if found is None or not found.is_there(runner.base):
            known, base = given | self.graph.constants | values(), runner.base
            compiled = self._compiler.compiled(known, base, tell)
            found = self._begun[key] = _Begun(compiled, specs_of(known), base)
        return found

    def emit(
        self, name: str, inputs: Mapping[str, ArrayLike] | None = None, base: int = 0,
        tell: Tell = lambda name: None,
    ) -> Emitted:  # fmt: skip
        """The network in C, for inputs of the shapes of ``inputs``, called ``name`` and in memory
        from byte ``base`` on; see :mod:`.emit`.

        ``UserError`` for what is not known before a run, types that C has not, and memory that the
        machine does not reach.
        """
        given = self.inputs(inputs)
        known = given | self.graph.constants | self._host.all(given)
        compiled = self._compiler.compiled(known, base, tell)
        self.check_products(compiled)
        return Emitter(self.graph, compiled, specs_of(known), name).emitted()

    def plan(
        self, inputs: Mapping[str, ArrayLike] | None = None, tell: Tell = lambda name: None
    ) -> list[Row]:
        """What runs where, with the exact models' cycles; shapes are those of ``inputs``."""
        return [planned(step, self._costs) for step in self.compile(inputs, tell).steps]

    def check_products(self, compiled: Compiled) -> None:
        """``UserError``, with the reason of its first product, if it has none for the machine."""
        if compiled.machine_steps:
            return
        hosts = [step for step in compiled.steps if isinstance(step, HostStep)]
        first = next((step for step in hosts if step.node.op in MACS), hosts[0])
        raise UserError(
            f"MODEL: {self.graph.name} must have a node that {self.machine.config.name} "
            f"computes; {first.node.name} ({first.node.op}): {first.why}"
        )

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
                return self._run(found, given, reference, tell)
            except _OtherShapes:
                # Shapes depend on values: what was made for others does not fit these.
                del self._begun[_key(given)]
                if again:
                    raise
        raise AssertionError

    def _run(
        self, begun: "_Begun", given: Arrays, reference: Arrays, tell: Callable[[Row], None]
    ) -> Done:
        values: Arrays = given | self.graph.constants
        rows: list[Row] = []
        begun.written.clear()
        for step in begun.compiled.steps:
            found, row = self._step(begun, step, values)
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

    def _step(self, begun: "_Begun", step: Step, values: Arrays) -> tuple[Arrays, Row]:
        row = planned(step, self._costs)
        if isinstance(step, HostStep):
            return self._host.run(step.node, values), row
        if isinstance(step, TableStep):
            region = step.table.region
            return {region.output: step.table.of(values[region.source])}, row
        if any(values[x].shape != begun.specs[x].shape for x in step.node.inputs if x):
            raise _OtherShapes
        output, row = self._on_machine(begun, step, row, values)
        return {step.node.outputs[0]: output}, row

    def _on_machine(
        self, begun: "_Begun", step: MachineStep, row: Row, values: Arrays
    ) -> tuple[Array, Row]:
        runner, product, b = self.machine.runner, step.product, step.b
        image, jobs = step.image, step.jobs
        if not step.is_fixed or b is None:
            work = step.relower(values) if step.late else product.work
            b = work.b(values)
            product = Product(runner.target, work, product.ending, b, late=step.late)
            jobs = product.jobs(step.places, [job.bank_first for job in jobs])
            image = tuple(x for pieces in product.image(jobs, b).values() for x in pieces)
        session = begun.session(runner)
        ran = runner.ran if is_keeping(runner) else None
        if ran is None or ran != self._ran:
            self._held.clear()
        keys = [(begun, call.job.bank_first, call.job.b) for call in step.calls]
        jobs = [
            replace(job, load_b=key not in self._held)
            for key, job in zip(keys, jobs, strict=True)
        ]  # fmt: skip
        part = begun.compiled.part(step, product, jobs, image)
        inputs = {}
        if session.keeps and product.work.a_key in begun.written:
            part = replace(part, inputs={})
        else:
            inputs["a"] = product.work.a(values)
            begun.written.add(product.work.a_key)
        done = session.run(part, inputs)
        self._held |= {key for key, call in zip(keys, step.calls, strict=True) if call.stays}
        self._ran = runner.ran if is_keeping(runner) else None
        output = product.output(done.outputs["c"], b)
        return output, counted(row, step, jobs, done.counters, self._costs)


class _Begun:
    """A program for inputs of some shapes, ``specs`` of its tensors, and where it runs.

    ``written``: A that are there in this run.
    """

    def __init__(self, compiled: Compiled, specs: Specs, base: int) -> None:
        self.compiled, self.specs, self._base = compiled, specs, base
        self.written: set[Hashable] = set()
        self._session: Session | None = None

    def is_there(self, base: int) -> bool:
        """Whether it is in memory, or could be, ``base`` being the first byte to be taken."""
        return self._session.is_there if self._session else self._base == base

    def session(self, runner: Runner) -> Session:
        """What runs its parts."""
        if self._session is None:
            self._session = begin(runner, self.compiled.program)
        return self._session


def _key(given: Arrays) -> Hashable:
    return tuple(value.shape for value in given.values())


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
