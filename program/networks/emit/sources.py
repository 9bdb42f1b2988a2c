"""A network in C: the files, and what is declared in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from insitu.program.memory import Tensor

from ..graph import Node
from ..operators import Spec
from .words import Names, ctype, sizes

__all__ = ["Call", "Emitted", "declared", "placed", "prototype"]

INPUT, OUTPUT = "const {} *{}", "{} *{}"


@dataclass(frozen=True)
class Call:
    """A function that the user writes: that of a node of the host.

    ``inputs`` and ``outputs``: tensors in the order of the parameters, without those left out.
    """

    function: str
    node: Node
    inputs: tuple[tuple[str, Spec], ...]
    outputs: tuple[tuple[str, Spec], ...]

    @property
    def declaration(self) -> str:
        """What is said of it, and its prototype."""
        lines = [f"// {self.node.op} {self.node.name}"]
        lines += [f"//   {name} = {_said(x)}" for name, x in self.node.attributes.items()]
        for what, tensors in (("in", self.inputs), ("out", self.outputs)):
            lines += [
                f"//   {what} {name}: {spec.kind.name}, {sizes(spec.shape)}"
                for name, spec in tensors
            ]
        return "\n".join([*lines, f"{prototype(self.function, self.inputs, self.outputs)};", ""])


@dataclass(frozen=True)
class Emitted:
    """A network in C.

    ``header`` and ``source``: text of ``name.h`` and ``name.c``. ``calls``: functions that the user
    writes. ``inputs`` and ``outputs``: parameters of ``name_network``, before ``cycles``.
    """

    name: str
    header: str
    source: str
    calls: tuple[Call, ...]
    inputs: tuple[tuple[str, Spec], ...]
    outputs: tuple[tuple[str, Spec], ...]


def prototype(
    function: str,
    inputs: Sequence[tuple[str, Spec]],
    outputs: Sequence[tuple[str, Spec]],
    result: str = "void",
    more: Sequence[str] = (),
    named: Callable[[str], str] | None = None,
) -> str:
    """A function of tensors; ``named`` names their parameters, ``more`` are the last ones."""
    # A node may read one tensor twice.
    fresh = named or Names(["cycles"]).fresh
    words = [
        form.format(ctype(spec.kind, f"tensor {name}"), fresh(name))
        for form, tensors in ((INPUT, inputs), (OUTPUT, outputs))
        for name, spec in tensors
    ]
    return f"{result} {function}({', '.join([*words, *more]) or 'void'})"


def declared(name: str, places: str, calls: Sequence[Call], network: str, count: int) -> str:
    """The header."""
    big = name.upper()
    said = "\n".join(call.declaration for call in calls)
    return f"""\
// {name}: written by insitu net --emit c. Its integer products run on the machine.

#ifndef {big}_H
#define {big}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

enum {{ {big}_DESCRIPTORS = {count} }};

// --- Of the platform, as bus_read and bus_write of driver.h are ---

// Bytes to the memory that the machine reads and writes, and back. Where the CPU has that memory in
// its caches they must write them back and drop them.
extern void insitu_store(uint64_t address, const void *bytes, uint32_t size);
extern void insitu_load(uint64_t address, void *bytes, uint32_t size);

// --- Nodes of the host, which you write: tensors without gaps, their last axis the quickest ---

{said}
// --- The network ---

// Weights, biases and scales to memory; once.
void {name}_load(void);

// All steps: 0, or the status of the first descriptor that did not end well; cycles has
// {big}_DESCRIPTORS elements. Not to be called twice at once, as tensors are static.
{network};

{places}

#ifdef __cplusplus
}}
#endif

#endif
"""


def placed(tensor: Tensor) -> str:
    """What is said of a matrix in memory."""
    kind = f"{'int' if tensor.signed else 'uint'}{tensor.bits}"
    text = f"at {tensor.address:#x}: {kind}, {tensor.rows} × {tensor.cols}"
    text += f", rows {tensor.stride} bytes apart"
    return text + (f"; {tensor.count} of them, {tensor.step} apart" if tensor.count > 1 else "")


def _said(value: object) -> str:
    """An attribute in one line, of a length that can be read."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."
