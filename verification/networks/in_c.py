"""A network in C as a library, and what its user writes: nodes by onnxruntime, the platform."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from insitu.program.descriptor import Descriptor
from insitu.program.networks.emit import Emitted
from insitu.program.networks.emit.sources import prototype
from insitu.program.networks.graph import Graph
from insitu.program.networks.host import Ort
from insitu.program.networks.operators import Spec
from insitu.verification import simulators

__all__ = ["Linked", "built"]

Array = NDArray[Any]
EXAMPLES = simulators.ROOT / "docs/examples"
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-O1")
PLATFORM = """\
void (*storer)(uint64_t, const void *, uint32_t);
void (*loader)(uint64_t, void *, uint32_t);
void (*called)(uint32_t, const void *const *);
void insitu_store(uint64_t at, const void *bytes, uint32_t size) { storer(at, bytes, size); }
void insitu_load(uint64_t at, void *bytes, uint32_t size) { loader(at, bytes, size); }
"""
BUS = """\
uint32_t (*reader)(uint32_t);
void (*writer)(uint32_t, uint32_t);
uint32_t bus_read(uint32_t offset) { return reader(offset); }
void bus_write(uint32_t offset, uint32_t value) { writer(offset, value); }
"""
DIRECT = """\
int (*runner)(const uint32_t *);
int insitu_program(const uint32_t (*words)[INSITU_WORDS], unsigned count, uint64_t *cycles)
{
    int status = 0;
    for (unsigned n = 0; n < count && !status; n++) {
        status = runner(words[n]);
        cycles[n] = 1;
    }
    return status;
}
"""
STORE = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint32)
CALLED = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.POINTER(ctypes.c_void_p))
RUN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_uint32))
WORDS = len(Descriptor(1, 1, 1).words())


def built(emitted: Emitted, folder: Path, *, driver: bool) -> Path:
    """The library, made without a warning, in ``folder``; with ``driver`` on registers, otherwise
    each descriptor is handed over as it is."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    name = emitted.name
    nodes = [_node(n, emitted) for n in range(len(emitted.calls))]
    head = ['#include "driver.h"', f'#include "{name}.h"', PLATFORM, BUS if driver else DIRECT]
    texts = {
        f"{name}.h": emitted.header, f"{name}.c": emitted.source,
        "user.c": "\n".join([*head, *nodes]),
    }  # fmt: skip
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")
    sources = [folder / f"{name}.c", folder / "user.c", *([EXAMPLES / "driver.c"] * driver)]
    library = folder / "network.so"
    line = [
        compiler, *STRICT, *(f"-I{x}" for x in (simulators.ROOT / "host", EXAMPLES, folder)),
        "-shared", "-fPIC", *map(str, sources), "-o", str(library), "-lm",
    ]  # fmt: skip
    done = subprocess.run(
        line, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    assert done.returncode == 0, done.stderr
    return library


def _node(number: int, emitted: Emitted) -> str:
    call = emitted.calls[number]
    names = [f"p{n}" for n in range(len(call.inputs) + len(call.outputs))]
    given = iter(names)
    head = prototype(call.function, call.inputs, call.outputs, named=lambda _: next(given))
    return f"{head}\n{{\n    called({number}, (const void *[]){{ {', '.join(names)} }});\n}}\n"


class Linked:
    """The library at ``path``: its nodes by onnxruntime, one at a time.

    What nodes are given is compared with what onnxruntime has there for ``inputs`` of the network;
    ``wrong`` are the tensors that are not the same.
    """

    def __init__(
        self, path: Path, emitted: Emitted, graph: Graph, inputs: dict[str, Array],
        store: Callable[[int, bytes], Any], load: Callable[[int, int], bytes],
    ) -> None:  # fmt: skip
        self.library = ctypes.CDLL(str(path))
        self.emitted, self._host = emitted, Ort(graph)
        self.given = inputs
        self._right = graph.constants | inputs | graph.reference(inputs)
        self.wrong: list[str] = []
        self._outputs = [np.zeros(spec.shape, spec.kind) for _, spec in emitted.outputs]
        self.cycles = (ctypes.c_uint64 * 1000)()

        def storing(address: int, bytes: int, size: int) -> None:
            store(address, ctypes.string_at(bytes, size))

        def loading(address: int, bytes: int, size: int) -> None:
            ctypes.memmove(bytes, load(address, size), size)

        self._kept: list[Any] = []
        self.hand("storer", STORE(storing))
        self.hand("loader", STORE(loading))
        self.hand("called", CALLED(self._called))

    def hand(self, name: str, function: Any) -> None:
        """Put ``function`` into the pointer ``name`` of the library."""
        self._kept.append(function)  # for as long as the library may call it
        place = ctypes.c_void_p.in_dll(self.library, name)
        place.value = ctypes.cast(function, ctypes.c_void_p).value

    def arguments(self) -> list[Any]:
        """Those of the network's function."""
        arrays = [np.ascontiguousarray(self.given[name]) for name, _ in self.emitted.inputs]
        self._kept.append(arrays)
        pointers = [ctypes.c_void_p(x.ctypes.data) for x in (*arrays, *self._outputs)]
        return [*pointers, self.cycles]

    def check(self) -> None:
        """Of all outputs."""
        assert not self.wrong
        for (name, _), found in zip(self.emitted.outputs, self._outputs, strict=True):
            np.testing.assert_array_equal(found, self._right[name], err_msg=name)

    def _called(self, number: int, pointers: Sequence[int]) -> None:
        call = self.emitted.calls[number]
        try:
            values = {}
            for n, (name, spec) in enumerate(call.inputs):
                values[name] = _read(pointers[n], spec)
                if values[name].tobytes() != self._right[name].tobytes():
                    self.wrong.append(name)
            found = self._host.run(call.node, values)
            for n, (name, _) in enumerate(call.outputs, len(call.inputs)):
                content = found[name].tobytes()
                ctypes.memmove(pointers[n], content, len(content))
        except Exception as error:  # the library cannot hand it on
            self.wrong.append(f"{call.function}: {error}")


def _read(pointer: int, spec: Spec) -> Array:
    size = int(np.prod(spec.shape)) * spec.kind.itemsize
    return np.frombuffer(ctypes.string_at(pointer, size), spec.kind).reshape(spec.shape)
