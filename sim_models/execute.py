"""Programs on the golden model and the exact models."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import MachineConfig
from insitu.program.descriptor import Descriptor
from insitu.program.program import Program, operands
from insitu.program.target import Target

from . import traffic
from .numbers import golden_of

__all__ = ["Executed", "Memory", "counters", "execute", "functional"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Executed:
    """A descriptor done: operands as numbers, batch first, and the bytes that C has by address.

    ``d``: what it added, ``None`` where it adds nothing.
    """

    job: Descriptor
    a: Ints
    b: Ints
    d: Ints | None
    bias: Ints | None
    scales: NDArray[np.float32] | None
    c: list[tuple[int, bytes]]


class Memory:
    """Memory and banks of a machine on which descriptors are done by the golden model.

    Parameters
    ----------
    target : Target
    content : array of uint8
        What memory begins with, from address 0; it is written to.
    banks : dict of int
        What is in the banks already: B, K × N, by its first bank.

    Attributes
    ----------
    banks : dict of int
        What is in them now.
    """

    def __init__(
        self, target: Target, content: NDArray[np.uint8], banks: Mapping[int, Ints] | None = None
    ) -> None:
        self._target, self.content = target, content
        self._golden = golden_of(target)
        self.banks: dict[int, Ints] = dict(banks or {})

    def _b(self, job: Descriptor, number: int) -> Ints:
        """Of matrix ``number``, K × N; from the banks where they are said to have it."""
        if not job.load_b:
            held = self.banks.get(job.bank_first)
            if held is None or held.shape != (job.k, job.n):
                raise KeyError(f"B of {job.k} × {job.n} is not in the banks")
            return held
        tensor = operands(job, self._target.a_bits, self._target.b_bits)["b"]
        one = replace(tensor, address=tensor.address + number * tensor.step, count=1)
        b = one.read(self.content)[0]
        return b.T if job.b_transposed else b

    def _hold(self, job: Descriptor, b: Ints) -> None:
        """Its banks have ``b`` now, and nothing of what they had."""
        taken = self._target.banks_of(job)
        for first, held in list(self.banks.items()):
            k, n = held.shape
            its = self._target.banks_of(replace(job, k=k, n=n, bank_first=first))
            if its.start < taken.stop and taken.start < its.stop:
                del self.banks[first]
        if taken.stop <= self._target.banks:
            self.banks[job.bank_first] = b

    def do(self, job: Descriptor) -> Executed:
        """Do ``job``: its C is in memory then. ``KeyError`` if its B should be in the banks and is
        not."""
        target = self._target
        there = operands(job, target.a_bits, target.b_bits)
        bias = scales = None
        if job.has_bias:
            raw = self.content[job.bias : job.bias + 4 * job.n]
            bias = raw.view("<i4").astype(np.int64)
        if job.column_scale and not job.wide:
            scales = self.content[job.scales : job.scales + 4 * job.n].view("<f4")
        found: list[tuple[Ints, Ints, Ints | None]] = []
        c: list[tuple[int, bytes]] = []
        for n in range(job.batch):

            def one(x: str, n: int = n) -> Ints:
                tensor = there[x]
                at = tensor.address + n * tensor.step
                return replace(tensor, address=at, count=1).read(self.content)[0]

            a = one("a").T if job.a_transposed else one("a")
            b, d = self._b(job, n), one("d") if job.addend else None
            total = self._golden.result(job, a, b, bias=bias, d=d, scales=scales)
            rows = replace(there["c"], address=job.c + n * job.c_batch, count=1).write(total)
            for address, content in rows:
                self.content[address : address + len(content)] = np.frombuffer(content, np.uint8)
            c += rows
            found.append((a, b, d))
        if target.banks and job.load_b:
            self._hold(job, found[-1][1])
        ds = [d for _, _, d in found if d is not None]
        return Executed(
            job,
            np.stack([a for a, _, _ in found]),
            np.stack([b for _, b, _ in found]),
            np.stack(ds) if ds else None,
            bias,
            scales,
            c,
        )


def execute(
    target: Target,
    program: Program,
    inputs: Mapping[str, ArrayLike],
    banks: Mapping[int, Ints] | None = None,
) -> tuple[dict[str, Ints], list[Executed]]:
    """Outputs by name, and each descriptor as it was done, by the golden model.

    ``banks``: B that is in the banks before, by its first bank.
    """
    memory = Memory(target, program.memory(inputs), banks)
    done = [memory.do(job) for job in program.jobs]
    return {x: t.read(memory.content) for x, t in program.outputs.items()}, done


def counters(shell: MachineConfig, done: list[Executed]) -> Iterator[dict[str, int]]:
    """Every counter of each descriptor: functional ones and cycles, each of them alone."""
    from .timing.run import temporal

    for one in done:
        counted = functional(shell, one)
        ones = traffic.vector_planes(shell, one.job, list(one.a)) if shell.array.banks else None
        (timing,) = temporal(shell, [one.job], [0], ones=ones)
        yield counted | asdict(timing)


def functional(shell: MachineConfig, one: Executed) -> dict[str, int]:
    """What the machine counts of a descriptor whenever it runs."""
    counted = traffic.counters(shell, one.job) | traffic.planes(shell, one.job, list(one.a))
    moving = golden_of(Target.of_shell(shell)).moving
    pairs = zip(moving(one.a), moving(one.b), strict=True)
    counted["nonzero_macs"] = sum(traffic.nonzero_macs(one.job, a, b) for a, b in pairs)
    return counted
