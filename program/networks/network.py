"""A network on a machine: planned, run, and checked against onnxruntime tensor by tensor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import Config, UserError
from insitu.machine import Machine
from insitu.program.arguments import DTYPES, elements, integer, refused, vector
from insitu.program.lower import product
from insitu.program.options import Options
from insitu.program.plan import Models
from insitu.program.program import Program
from insitu.program.target import Target

from .graph import Graph, Node, read, said
from .host import Host, Ort
from .operators import FLOAT, MACS, Lowered, NotProduct, Spec, lowered
from .operators.convolution import Window
from .operators.product import Specs

__all__ = ["Done", "Network", "Row", "load"]

Array = NDArray[Any]
Arrays = dict[str, Array]


@dataclass(frozen=True)
class Row:
    """A node of a plan, or of a run.

    ``where``: "machine" or "host"; ``why`` it is the host, else "". Of the machine ``descriptors``,
    products that the node needs (``macs``, of nodes on the host that multiply as well), ``cycles``
    as counted, or by the exact models (``model_cycles``) where nothing is counted, ``utilisation``
    and ``bytes`` over the bus; ``None`` if that is not known. ``different``: elements that are not
    onnxruntime's, ``None`` if none were compared.
    """

    name: str
    op: str
    where: str
    why: str
    descriptors: int = 0
    macs: int = 0
    cycles: int | None = None
    model_cycles: int | None = None
    utilisation: float | None = None
    bytes: int | None = None
    different: int | None = None


@dataclass(frozen=True)
class Done:
    """What a run gave: ``outputs`` by name, a row per node, and where it was compared whether all
    of it is onnxruntime's, bit for bit: ``exact``, ``None`` otherwise."""

    outputs: Arrays
    rows: list[Row]
    exact: bool | None = None


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
        """``given``, checked; without them random ones, sizes that are open being 1 if they are the
        first of a tensor.

        ``UserError`` for names, types and shapes that are not the model's.
        """
        if given is None:
            return {name: self._random(name, seed) for name in self.graph.inputs}
        for name in given:
            if name not in self.graph.inputs:
                known = ", ".join(self.graph.inputs)
                raise UserError(f"input {name}: must be left out or one of {known}")
        found: Arrays = {}
        for name, (kind, sizes) in self.graph.inputs.items():
            if name not in given:
                raise UserError(f"input {name}: must be given, {_shape(sizes)} of {kind}")
            value = np.asarray(given[name])
            if value.dtype != kind:
                raise refused(f"input {name}", f"of {kind}", value.dtype, str(value.dtype))
            fits = len(value.shape) == len(sizes) and all(
                size in (None, there) for size, there in zip(sizes, value.shape, strict=True)
            )
            if not fits or 0 in value.shape:
                raise refused(f"input {name}", f"of shape {_shape(sizes)}", value, str(value.shape))
            found[name] = value
        return found

    def _random(self, name: str, seed: int) -> Array:
        kind, sizes = self.graph.inputs[name]
        if None in sizes[1:]:
            rule = f"given, as its sizes {_shape(sizes)} are not fixed"
            raise UserError(f"input {name}: must be {rule}")
        shape = tuple(size or 1 for size in sizes)
        rng = np.random.default_rng(seed)
        if kind.kind == "f":
            return rng.normal(0, 1, shape).astype(kind)
        if kind.kind in "iu":
            limits: Any = np.iinfo(kind)
            most = limits.max if kind.itemsize == 1 else 1
            return rng.integers(max(limits.min, -128), most, shape, endpoint=True).astype(kind)
        raise UserError(f"input {name}: must be given, as it is of {kind}")

    # --- Plan ---

    def plan(self, inputs: Mapping[str, ArrayLike] | None = None) -> list[Row]:
        """What runs where, with the exact models' cycles; shapes are those of ``inputs``."""
        given = self.inputs(inputs)
        values = given | self.graph.constants | self._reference(given)
        return [self._step(node, values)[0] for node in self.graph.nodes]

    def _reference(self, inputs: Arrays) -> Arrays:
        try:
            return self.graph.reference(inputs)
        except Exception as error:  # onnxruntime's own kinds have no common base
            raise UserError(f"MODEL: onnxruntime cannot run it: {said(error)}") from None

    def _step(self, node: Node, values: Arrays) -> "tuple[Row, _Step | None]":
        """``node`` as planned; ``None`` if it runs on the host.

        As tensors are known by then, scales and zero points may be computed by other nodes.
        """
        models = _models(self.machine.config)
        known = {name: values[name] for name in node.inputs if name}
        specs = _specs(known)
        try:
            work = lowered(node, replace(self.graph, constants=known), specs)
            ways = [_Step(self.machine.runner.target, way, node) for way in (work, *work.others)]
            # Without models the first way is as good as any.
            rows = [way.row(self.machine.config, models) for way in ways]
            best = min(range(len(ways)), key=lambda n: (rows[n].cycles or 0, rows[n].bytes or 0))
            return rows[best], ways[best]
        except (NotProduct, UserError) as error:
            macs = _float_macs(node, specs) if node.op in FLOAT else 0
            return Row(node.name, node.op, "host", str(error), macs=macs), None

    # --- Run ---

    def run(
        self,
        inputs: Mapping[str, ArrayLike] | None = None,
        *,
        check: bool = False,
        tell: Callable[[Row], None] = lambda row: None,
    ) -> Done:
        """All nodes in order.

        Parameters
        ----------
        inputs : dict of arrays
            By name; random ones if left out.
        check : bool
            Compare every tensor of the machine's nodes and every output with onnxruntime's.
        tell : function
            Called with the row of each node that is done.

        Raises
        ------
        UserError
            For inputs that are not the model's, and where onnxruntime or the machine cannot.
        """
        given = self.inputs(inputs)
        reference = self._reference(given) if check else {}
        values: Arrays = given | self.graph.constants
        rows: list[Row] = []
        for node in self.graph.nodes:
            row, step = self._step(node, values)
            if step is None:
                found = self._host.run(node, values)
            else:
                output, row = self._on_machine(step, row, values)
                found = {node.outputs[0]: output}
            if check and (step is not None or set(node.outputs) & set(self.graph.outputs)):
                wrong = sum(_different(found[x], reference[x]) for x in found)
                row = replace(row, different=wrong)
            values |= found
            rows.append(row)
            tell(row)
        outputs = {name: values[name] for name in self.graph.outputs}
        exact = None
        if check:
            last = sum(_different(outputs[x], reference[x]) for x in outputs if x in reference)
            exact = last == 0 and not any(row.different for row in rows)
        return Done(outputs, rows, exact)

    def _on_machine(self, step: "_Step", row: Row, values: Arrays) -> tuple[Array, Row]:
        runner = self.machine.runner
        program = step.program(step.work.b(values), _models(self.machine.config), runner.base)
        ran = runner.run(program, {"a": step.work.a(values)})
        sums = ran.outputs["c"].astype(np.int32)
        if ran.counters and "cycles" in ran.counters[0]:
            cycles = sum(one["cycles"] for one in ran.counters)
            peak = self.machine.config.core.macs_per_cycle
            row = replace(row, cycles=cycles, utilisation=step.work.macs / (cycles * peak))
        return step.work.finish(sums), row


class _Step:
    """A node's product as a descriptor of a machine."""

    def __init__(self, target: Target, work: Lowered, node: Node) -> None:
        self.work, self._target, self._node = work, target, node
        batch, m, n, k = work.sizes
        integer("K", k, 1, target.max_k, " on this machine")
        a_zero, self._folds = work.a_zero, 0
        if a_zero and not target.zero_points and work.fixed_b and batch == 1:
            # Σ (A − z) B = Σ A B − z Σ B: what z takes away is known.
            a_zero, self._folds = 0, work.a_zero
        options = Options(a_zero=a_zero, b_zero=work.b_zero)
        job = options.job(target, (m, n, k), work.a_kind, work.b_kind)
        has_bias = work.bias is not None or self._folds != 0
        self._job = replace(job, batch=batch, has_bias=has_bias)

    @property
    def b_shape(self) -> tuple[int, ...]:
        """Of B, at its largest."""
        batch, _, n, k = self.work.sizes
        return (k, n) if batch == 1 else (batch, k, n)

    def program(self, b: Array, models: Models | None, base: int = 0) -> Program:
        """Placed and planned."""
        bias = self.work.bias
        if self._folds:
            taken = -self._folds * b.astype(np.int64).sum(axis=0)
            bias = taken if bias is None else bias + taken
        if bias is not None:
            elements("bias", bias, (1,))
            bias = vector("bias", bias, len(bias), DTYPES["int32"], self._target.sum_bits)[0]
        shared = b.ndim == 2 and self.work.sizes[0] > 1
        return product(
            self._target, self._job, b, bias=bias, models=models, base=base, shared_b=shared
        )

    def row(self, config: Config, models: Models | None) -> Row:
        """As planned."""
        node, work = self._node, self.work
        row = Row(node.name, node.op, "machine", "", 1, work.macs)
        jobs = self.program(np.zeros(self.b_shape, work.b_kind), models).jobs
        if models is None:
            return row
        shell = config.shell
        cycles = sum(models.cycles(shell, jobs))
        moved = sum(models.words(shell, job) for job in jobs) * shell.bus_bytes
        peak = config.core.macs_per_cycle
        return replace(
            row, descriptors=len(jobs), cycles=cycles, model_cycles=cycles, bytes=moved,
            utilisation=work.macs / (cycles * peak),
        )  # fmt: skip


def _models(config: Config) -> Models | None:
    """The exact models, of machines that they are of."""
    if config.machine is None:
        return None
    found: Models = import_module("insitu.sim_models.exact").MODELS
    return found


def _specs(values: Mapping[str, Array]) -> dict[str, Spec]:
    return {
        name: Spec(value.shape, value.dtype)
        for name, value in values.items()
        if isinstance(value, np.ndarray)
    }


def _float_macs(node: Node, specs: Specs) -> int:
    """Products of a node that multiplies in floating point; 0 where that is not known."""
    if len(node.inputs) < 2 or any(name not in specs for name in node.inputs[:2]):
        return 0
    x, w = (specs[name].shape for name in node.inputs[:2])
    if "Conv" in node.op:
        if "Transpose" in node.op or len(x) != len(w):
            return 0
        outputs = Window.of(node, x[2:], w[2:]).outputs
        return x[0] * prod(outputs) * prod(w)
    turned = bool(node.attributes.get("transB", 0))
    return prod(x) * (w[-2] if turned and len(w) > 1 else w[-1])


def _different(found: Array, wanted: Array) -> int:
    """Elements that are not the same, bit for bit; all of them if shape or type are not."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return max(1, wanted.size)
    if found.dtype.kind == "f":
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
        return int((~same).sum())
    return int((found != wanted).sum())


def _shape(sizes: tuple[int | None, ...]) -> str:
    return " × ".join("?" if size is None else str(size) for size in sizes) or "one number"


def load(
    model: str | Path, config: str | Path | Config = "ws-8x8", on: str = "golden", **options: Any
) -> Network:
    """The network in the ONNX file ``model`` on a machine.

    ``config``, ``on`` and ``options`` are those of :class:`insitu.Machine`. ``UserError`` in one
    line for what cannot be run.
    """
    graph = read(model)
    return Network(graph, Machine(config, on, **options))
