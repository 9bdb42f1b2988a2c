"""A program: descriptors, and the memory that they begin with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .descriptor import Descriptor
from .memory import Tensor, pack

__all__ = ["Call", "Program", "single"]


@dataclass(frozen=True)
class Call:
    """A descriptor and what it is called; ``stays``: its B has banks of its own, in which it is
    still when the program runs again."""

    name: str
    job: Descriptor
    stays: bool = False


@dataclass(frozen=True)
class Program:
    """Descriptors in their order, each of which may read what those before it wrote.

    The same one runs on the golden model, the exact models, RTL and boards.

    Parameters
    ----------
    calls : tuple of Call
    image : tuple of (int, bytes)
        Memory before a run, but for inputs: weights, biases, scales.
    inputs, outputs : dict of Tensor
        By name.
    top : int
        Bytes of memory that it takes, from 0.
    """

    calls: tuple[Call, ...]
    image: tuple[tuple[int, bytes], ...]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    top: int

    @property
    def jobs(self) -> list[Descriptor]:
        """The descriptors."""
        return [call.job for call in self.calls]

    def writes(self, inputs: Mapping[str, ArrayLike]) -> Iterator[tuple[int, bytes]]:
        """Image of ``inputs``, by name; ``ValueError`` if one is missing, unknown, of another
        shape, or has values that are no integers that fit."""
        if inputs.keys() != self.inputs.keys():
            known, given = ", ".join(self.inputs), ", ".join(inputs)
            raise ValueError(f"inputs must be {known or 'none'}, not {given or 'none'}")
        for name, tensor in self.inputs.items():
            try:
                yield from tensor.write(np.asarray(inputs[name]))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None

    def memory(self, inputs: Mapping[str, ArrayLike]) -> NDArray[np.uint8]:
        """All bytes before a run; what nothing lies in is 0."""
        found = np.zeros(self.top, np.uint8)
        for address, content in (*self.image, *self.writes(inputs)):
            found[address : address + len(content)] = np.frombuffer(content, np.uint8)
        return found

    def resident(self) -> "Program":
        """The program for the runs after the first: weights that have banks of their own are not
        loaded again."""
        kept = [
            replace(call, job=replace(call.job, load_b=False)) if call.stays else call
            for call in self.calls
        ]
        return replace(self, calls=tuple(kept))


def single(
    job: Descriptor,
    b: NDArray[Any],
    *,
    bits: tuple[int, int],
    bias: NDArray[Any] | None = None,
    scales: NDArray[np.float32] | None = None,
    top: int = 0,
    name: str = "gemm",
) -> Program:
    """A program of one descriptor whose matrices are placed: its A is the input ``a``, C the output
    ``c``, and ``d`` an input where it adds one.

    ``b``: K × N, or batch × K × N; ``bits``: of an element of A and of B.
    """
    tensors = operands(job, *bits)
    flipped = np.swapaxes(b, -1, -2) if job.b_transposed else b
    count = 1 if job.batch > 1 and job.b_batch == 0 else job.batch
    image = replace(tensors["b"], count=count).write(flipped)
    if job.has_bias and bias is not None:
        image.append((job.bias, pack(bias, 32)))
    if job.column_scale and scales is not None:
        image.append((job.scales, scales.astype("<f4").tobytes()))
    inputs = {name: tensors[name] for name in tensors if name in "ad"}
    end = max(
        [top]
        + [t.address + (t.count - 1) * t.step + t.rows * t.stride for t in tensors.values()]
        + [address + len(content) for address, content in image]
    )
    return Program((Call(name, job),), tuple(image), inputs, {"c": tensors["c"]}, end)


def operands(job: Descriptor, a_bits: int, b_bits: int) -> dict[str, Tensor]:
    """The matrices of ``job`` in memory, as they are stored, by name."""
    a = (job.k, job.m) if job.a_transposed else (job.m, job.k)
    b = (job.n, job.k) if job.b_transposed else (job.k, job.n)
    kinds: dict[str, tuple[tuple[int, int], int, bool]] = {
        "a": (a, a_bits, job.a_signed),
        "b": (b, b_bits, job.b_signed),
        "c": ((job.m, job.n), 8 * job.c_bytes, job.format in ("int32", "int8")),
    }
    if job.addend:
        kinds["d"] = ((job.m, job.n), 32, True)
    return {
        x: Tensor(
            getattr(job, x), *shape, getattr(job, f"{x}_stride"), bits, signed,
            job.batch, getattr(job, f"{x}_batch"),
        )
        for x, (shape, bits, signed) in kinds.items()
    }  # fmt: skip
