"""From a compiled network to C: tensors, constants, and the steps in order.

Tables, moves, copies around products and rounding are plain C; every other node of the host is a
call of a function that the user writes.
"""

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import UserError
from insitu.program.c import header
from insitu.program.memory import Tensor, joined

from ..compiled import Compiled, HostStep, MachineStep, Step, TableStep
from ..graph import Graph, Node
from ..operators import Spec, Specs
from ..operators.gather import Gather
from .glue import HELPERS, gather, is_copy
from .sources import Call, Emitted, declared, placed, prototype
from .words import Names, array, ctype, identifier, sizes

__all__ = ["Emitter"]

Array = NDArray[Any]
MOVES = ("Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")
"""Types whose output has the bytes of their first input."""
BUFFERS = {"packed": "uint8_t", "sums": "int32_t"}
"""What all steps share, by name the type of an element."""


class Emitter:
    """Makes the C of ``compiled``.

    Parameters
    ----------
    graph : Graph
    compiled : Compiled
    specs : dict of Spec
        Of all tensors by name.
    name : str
        Of the files, and what all that they define begins with; made an identifier.

    Raises
    ------
    UserError
        If a step is not known before a run, or a tensor is of a type that C has not.
    """

    def __init__(self, graph: Graph, compiled: Compiled, specs: Specs, name: str) -> None:
        self._graph, self._compiled, self._specs = graph, compiled, specs
        self.name = identifier(name)
        self._names = Names()
        taken = ("load", "network", "image", "descriptors")
        self._functions = Names(f"{self.name}_{x}" for x in taken)
        self._constants: dict[str, str] = {}
        self._tensors: dict[str, str] = {}
        self._parts: list[str] = []  # functions and tables of steps
        self._helpers: set[str] = set()
        self._lines: list[str] = []
        self._calls: list[Call] = []
        self._places: list[str] = []
        self._most: dict[str, int] = {}  # elements of buffers
        self._written: set[Hashable] = set()
        self._done = 0
        self._inputs = [(x, specs[x]) for x in graph.inputs]
        self._outputs = [(x, specs[x]) for x in graph.outputs]

    def emitted(self) -> Emitted:
        """The files."""
        steps: dict[type, Callable[[int, Any], None]] = {
            HostStep: self._host, TableStep: self._table, MachineStep: self._machine,
        }  # fmt: skip
        for number, step in enumerate(self._compiled.steps):
            self._lines.append(f"    // {_title(step)}")
            steps[type(step)](number, step)
        made = {x for call in self._compiled.steps for x in _made(call)}
        for name in (x for x in self._graph.outputs if x not in made):
            self._move(self._made(name), self._given(name), self._specs[name])
        form = f"{self.name}_network", self._inputs, self._outputs, "int", ["uint64_t *cycles"]
        shown = declared(
            self.name, "\n".join(self._places), self._calls, prototype(*form), self._done
        )
        # An input may be an output as well.
        own = iter([self._x(x) for x, _ in self._inputs] + [self._y(y) for y, _ in self._outputs])
        source = self._source(prototype(*form, lambda _: next(own)))
        return Emitted(
            self.name, shown, source, tuple(self._calls), tuple(self._inputs), tuple(self._outputs)
        )

    # --- Tensors ---

    def _given(self, name: str) -> str:
        """Where the tensor is that a step reads."""
        word = self._names(name)
        if name in self._graph.constants:
            if name not in self._constants:
                value = self._graph.constants[name]
                kind = ctype(value.dtype, f"tensor {name}")
                self._constants[name] = f"// {name}\n{array(f'k_{word}', value, kind)}"
            return f"k_{word}"
        return self._x(name) if name in self._graph.inputs else self._made(name)

    def _made(self, name: str) -> str:
        """Where the tensor is that a step writes."""
        word, spec = self._names(name), self._specs[name]
        if name in self._graph.outputs:
            return self._y(name)
        kind = ctype(spec.kind, f"tensor {name}")
        self._tensors[name] = f"static {kind} t_{word}[{_count(spec)}]; // {sizes(spec.shape)}"
        return f"t_{word}"

    def _x(self, name: str) -> str:
        return f"x_{self._names(name)}"

    def _y(self, name: str) -> str:
        return f"y_{self._names(name)}"

    def _move(self, to: str, given: str, spec: Spec) -> None:
        """The bytes of a tensor."""
        size = int(np.prod(spec.shape)) * spec.kind.itemsize
        self._lines.append(f"    memcpy({to}, {given}, {size}u);")

    # --- Steps ---

    def _host(self, number: int, step: HostStep) -> None:
        node = step.node
        if node.op in MOVES and not node.domain:
            (output,) = node.outputs
            self._move(self._made(output), self._given(node.inputs[0]), self._specs[output])
            return
        inputs, outputs = (
            tuple((x, self._specs[x]) for x in names if x) for names in (node.inputs, node.outputs)
        )
        word = self._functions.fresh(f"{self.name}_{node.name}")
        self._calls.append(Call(word, node, inputs, outputs))
        words = [self._given(x) for x, _ in inputs] + [self._made(x) for x, _ in outputs]
        self._lines.append(f"    {word}({', '.join(words)});")

    def _table(self, number: int, step: TableStep) -> None:
        region, values = step.table.region, step.table.values
        kind = ctype(values.dtype, f"tensor {region.output}")
        self._parts.append(array(f"table_{number}", values, kind))
        source = self._specs[region.source]
        limits: Any = np.iinfo(source.kind)
        less = f" + {-limits.min}" if limits.min else ""
        x, y = self._given(region.source), self._made(region.output)
        self._lines += [
            f"    for (uint32_t n = 0; n < {_count(source)}u; n++)",
            f"        {y}[n] = table_{number}[{x}[n]{less}];",
        ]

    def _machine(self, number: int, step: MachineStep) -> None:
        node, product = step.node, step.product
        if not step.is_fixed or step.b is None:
            what = "scales" if step.late else "weights"
            rule = f"{what} that are constant with --emit c"
            raise UserError(f"MODEL: node {node.name} ({node.op}) must have {rule}")
        work, jobs, first = product.work, step.jobs, self._done
        a, c = product.a(jobs), product.c(jobs)
        self._done += len(jobs)
        if work.a_key not in self._written:
            self._written.add(work.a_key)
            source = f"(const uint8_t *){self._given(work.a_name)}"
            read = self._copied(f"a_{number}", work.gather, "uint8_t", source, "packed")
            self._rows("put", a, read)
        self._lines += [
            f"    status = insitu_program(&{self.name}_descriptors[{first}], {len(jobs)}u, "
            f"cycles + {first});",
            "    if (status)",
            "        return status;",
        ]
        self._after(number, step, c)
        which = f"{first} to {self._done - 1}" if len(jobs) > 1 else f"{first}"
        self._places.append(f"// {node.op} {node.name}: descriptor {which}")
        self._places += [f"//   A {placed(a)}", f"//   C {placed(c)}"]

    def _after(self, number: int, step: MachineStep, c: Tensor) -> None:
        """What is read of C, rounded where the machine does not, and put in order."""
        product, work, b = step.product, step.product.work, step.b
        assert b is not None
        batch, m, n, _ = work.sizes
        output, count = work.output, batch * m * n
        sizes_of = f"{batch}u, {m}u, {n}u"
        target = self._made(step.node.outputs[0])
        buffer, kind = ("packed", "uint8_t") if output else ("sums", "int32_t")
        straight = is_copy(work.arrange)
        goal = f"({kind} *){target}" if straight else self._buffer(buffer, count)
        if product.ending.on_machine:
            self._rows("get", c, goal)
        else:
            sums = goal if output is None else self._buffer("sums", count)
            self._rows("get", c, sums)
            extra = product.added(b)
            if extra is not None:
                self._parts.append(
                    array(f"extra_{number}", extra.astype(np.int64).astype(np.int32), "int32_t")
                )
                self._use("add", f"{sums}, {sizes_of}, extra_{number}, {_steps(extra, n)}")
            if output is not None:
                limits: Any = np.iinfo(output.kind)
                self._parts.append(array(f"scale_{number}", output.scale, "float"))
                self._use(
                    "to_bytes",
                    f"{sums}, {goal}, {sizes_of}, scale_{number}, {_steps(output.scale, n)}, "
                    f"{output.zero}, {limits.min}, {limits.max}",
                )
        if not straight:
            self._parts.append(gather(f"c_{number}", work.arrange, kind))
            self._lines.append(f"    c_{number}({goal}, ({kind} *){target});")

    # --- Glue ---

    def _copied(self, name: str, given: Gather, kind: str, source: str, buffer: str) -> str:
        """Where the copy of ``source`` is; that itself if it needs none."""
        if is_copy(given):
            return source
        self._parts.append(gather(name, given, kind))
        to = self._buffer(buffer, int(np.prod(given.shape)))
        self._lines.append(f"    {name}({source}, {to});")
        return to

    def _buffer(self, name: str, count: int) -> str:
        self._most[name] = max(self._most.get(name, 0), count)
        return name

    def _rows(self, what: str, tensor: Tensor, words: str) -> None:
        self._use(
            what,
            f"{tensor.address:#x}u, {words}, {tensor.count}u, {tensor.step}u, {tensor.rows}u, "
            f"{tensor.stride}u, {tensor.row_bytes}u",
        )

    def _use(self, helper: str, words: str) -> None:
        self._helpers.add(helper)
        self._lines.append(f"    {helper}({words});")

    # --- The file ---

    def _source(self, network: str) -> str:
        whole = self._compiled.program
        program = replace(whole, image=tuple(joined(whole.image)), inputs={}, outputs={})
        lines = ["#include <math.h>", "#include <stdint.h>", "#include <string.h>", ""]
        lines += ['#include "driver.h"', f'#include "{self.name}.h"', ""]
        lines += [header(program, self.name), "// --- Constants of nodes ---", ""]
        lines += [*self._constants.values(), "// --- Tensors ---", "", *self._tensors.values()]
        lines += [f"static {BUFFERS[x]} {x}[{count}];" for x, count in self._most.items()]
        lines += ["", "// --- Around products ---", ""]
        lines += [text for name, text in HELPERS.items() if name in self._helpers]
        lines += [*self._parts, "// --- The network ---", ""]
        lines += [f"void {self.name}_load(void)", "{"]
        piece = f"{self.name}_image[n]"
        lines += [f"    for (uint32_t n = 0; n < {self.name.upper()}_PIECES; n++)"]
        lines += [f"        insitu_store({piece}.address, {piece}.bytes, {piece}.size);", "}", ""]
        lines += [network, "{", "    int status;", "", *self._lines]
        return "\n".join([*lines, "    return INSITU_OK;", "}", ""])


def _count(spec: Spec) -> int:
    return max(1, int(np.prod(spec.shape)))


def _steps(values: Array, n: int) -> str:
    """From a matrix of the batch to the next, and from a column to the next."""
    if values.size == 1:
        return "0u, 0u"
    return f"{n if values.size > n else 0}u, 1u" if values.shape[-1] == n else "1u, 0u"


def _title(step: Step) -> str:
    nodes: tuple[Node, ...] = (
        step.table.region.nodes if isinstance(step, TableStep) else (step.node,)
    )
    return ", ".join(f"{node.op} {node.name}" for node in nodes)


def _made(step: Step) -> tuple[str, ...]:
    if isinstance(step, TableStep):
        return (step.table.region.output,)
    return step.node.outputs
