"""A network as one program: steps of machine and host in order, and one memory image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from insitu.hdl.config import UserError
from insitu.program.banks import banked
from insitu.program.descriptor import Descriptor
from insitu.program.memory import Tensor
from insitu.program.program import Call, Program

from .arena import Life, arena, live
from .costs import LINE, Choice
from .graph import Node
from .operators import Lowered
from .products import Product
from .tables import Table

__all__ = ["Compiled", "HostStep", "MachineStep", "Step", "TableStep", "together"]

Array = NDArray[Any]
Image = list[tuple[int, bytes]]


@dataclass(frozen=True)
class HostStep:
    """A node that the host runs, and why; ``macs``: products that it makes."""

    node: Node
    why: str
    macs: int = 0


@dataclass(frozen=True)
class TableStep:
    """Nodes that the host does by looking up bytes."""

    table: Table


@dataclass(frozen=True)
class MachineStep:
    """A node that is descriptors, with their final addresses.

    ``choice``: the way that was taken; ``b``: B, ``None`` if it is not constant; ``late``: scales
    or zero points are computed by other nodes; ``relower``: the way anew from the tensors by name;
    ``places``: of each region; ``image``: of B, biases and scales, as far as they are constant.
    """

    node: Node
    choice: Choice
    b: Array | None
    late: bool
    relower: Callable[[Mapping[str, Array]], Lowered] = field(repr=False)
    places: Mapping[str, int] = field(repr=False)
    calls: tuple[Call, ...] = ()
    image: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)

    @property
    def product(self) -> Product:
        return self.choice.product

    @property
    def jobs(self) -> list[Descriptor]:
        """Its descriptors."""
        return [call.job for call in self.calls]

    @property
    def is_fixed(self) -> bool:
        """Whether all but A is known before a run."""
        return not self.late and self.b is not None


Step = HostStep | TableStep | MachineStep


@dataclass(frozen=True)
class Compiled:
    """Steps in order, and the memory of those of the machine.

    ``arena``: bytes for activations and sums, from ``base`` on, which share what is free by then;
    ``live``: most bytes of them that are in use at once; ``apart``: bytes if each had its own.
    ``weights``: bytes of B, biases and scales, each once, after the arena. ``top``: end of all.
    """

    steps: tuple[Step, ...]
    base: int
    arena: int
    live: int
    apart: int
    weights: int
    top: int

    @property
    def machine_steps(self) -> list[MachineStep]:
        """Those with descriptors."""
        return [step for step in self.steps if isinstance(step, MachineStep)]

    def part(
        self, step: MachineStep, product: Product, jobs: Sequence[Descriptor],
        image: Sequence[tuple[int, bytes]],
    ) -> Program:  # fmt: skip
        """The program of one step: input ``a``, output ``c``.

        ``product``, ``jobs`` and ``image``: the step's own, or what became of them in a run.
        """
        calls = tuple(replace(c, job=job) for c, job in zip(step.calls, jobs, strict=True))
        inputs, outputs = {"a": product.a(jobs)}, {"c": product.c(jobs)}
        return Program(calls, tuple(image), inputs, outputs, self.top)

    @property
    def program(self) -> Program:
        """All descriptors, and what memory begins with.

        Inputs and outputs are A and C of each step, by its node: the host writes and reads them
        between. What has a bank of its own is loaded once, by the first that needs it.
        """
        calls: list[Call] = []
        image: dict[int, bytes] = {}
        inputs: dict[str, Tensor] = {}
        outputs: dict[str, Tensor] = {}
        held: set[int] = set()
        for step in self.machine_steps:
            jobs = step.jobs
            for call in step.calls:
                there = call.stays and call.job.b in held
                held |= {call.job.b} if call.stays else set()
                calls.append(replace(call, job=replace(call.job, load_b=not there)))
            image |= dict(step.image)
            inputs[f"{step.node.name}.a"] = step.product.a(jobs)
            outputs[f"{step.node.name}.c"] = step.product.c(jobs)
        return Program(tuple(calls), tuple(image.items()), inputs, outputs, self.top)


def together(steps: Sequence[Step], base: int, most: int | None) -> Compiled:
    """``steps`` with places for what they need in memory, from ``base`` on.

    ``most``: bytes that the machine reaches, ``None`` if that is not known: ``UserError`` for more.
    """
    start = -(-base // LINE) * LINE
    machine = [(n, step) for n, step in enumerate(steps) if isinstance(step, MachineStep)]
    lives, regions = _lives(machine)
    places, size = arena(lives, align=LINE)
    places = {name: start + at for name, at in places.items()}
    constants = _Constants(-(-(start + size) // LINE) * LINE)
    placed: dict[int, tuple[list[Descriptor], Image, dict[str, int]]] = {}
    for n, step in machine:
        where = {x: places[name] for x, name in regions[n].items()}
        where |= constants.places(step)
        jobs = step.product.jobs(where)
        placed[n] = jobs, constants.image(step, where), where
    if most is not None and constants.end > most:
        raise UserError(f"MODEL: must need at most {most:,} bytes of memory, not {constants.end:,}")
    done = list(steps)
    banks = _banks(machine, {n: jobs for n, (jobs, _, _) in placed.items()})
    for n, step in machine:
        jobs, image, where = placed[n]
        first = [bank for bank, _ in banks[n]]
        if any(first):
            jobs = step.product.jobs(where, first)
        names = [step.node.name] if len(jobs) == 1 else [
            f"{step.node.name} {x}" for x in range(len(jobs))]  # fmt: skip
        calls = tuple(
            Call(name, job, stays)
            for name, job, (_, stays) in zip(names, jobs, banks[n], strict=True)
        )
        done[n] = replace(step, places=where, calls=calls, image=tuple(image))
    return Compiled(
        tuple(done), start, size, live(lives), sum(life.size for life in lives),
        constants.end - constants.start, constants.end,
    )  # fmt: skip


def _lives(
    machine: Sequence[tuple[int, MachineStep]],
) -> tuple[list[Life], dict[int, dict[str, str]]]:
    """Buffers of the arena, and which is which region of each step: equal A once."""
    lives: dict[str, Life] = {}
    regions: dict[int, dict[str, str]] = {}
    for n, step in machine:
        sizes = step.product.sizes
        mine = {"c": f"c {n}", "a": f"a {step.product.work.a_key!r}"}
        mine |= {"sums": f"sums {n}"} if "sums" in sizes else {}
        for x in ("b", "bias", "scales"):
            if x in sizes and not step.is_fixed and not (x == "b" and step.b is not None):
                mine[x] = f"{x} {n}"
        for x, name in mine.items():
            before = lives.get(name)
            first = before.first if before else n
            lives[name] = Life(name, sizes[x], first, n)
        regions[n] = mine
    return list(lives.values()), regions


class _Constants:
    """Places of B, biases and scales: equal ones once."""

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self._there: dict[Any, int] = {}

    def places(self, step: MachineStep) -> dict[str, int]:
        """Where they are, those of ``step`` that are constant."""
        found = {}
        for x, pieces in self._pieces(step, dict.fromkeys(step.product.sizes, 0)).items():
            key = x == "b", tuple(pieces)
            if key not in self._there:
                self._there[key] = self.end
                self.end = -(-(self.end + step.product.sizes[x]) // LINE) * LINE
            found[x] = self._there[key]
        return found

    def image(self, step: MachineStep, where: Mapping[str, int]) -> Image:
        """The bytes at these places."""
        return [piece for pieces in self._pieces(step, where).values() for piece in pieces]

    @staticmethod
    def _pieces(step: MachineStep, where: Mapping[str, int]) -> dict[str, Image]:
        if step.b is None:
            return {}
        found = step.product.image(step.product.jobs(where), step.b)
        return found if step.is_fixed else {"b": found["b"]}


def _banks(
    machine: Sequence[tuple[int, MachineStep]], jobs: Mapping[int, list[Descriptor]]
) -> dict[int, list[tuple[int, bool]]]:
    """First bank of each descriptor of each step, and whether its B stays: equal B the same."""
    firsts: dict[tuple[int, int, int, bool], Descriptor] = {}
    keys = {
        n: [(job.b, job.n, job.k, step.b is not None and step.product.b_stays) for job in jobs[n]]
        for n, step in machine
    }
    for n, _ in machine:
        for key, job in zip(keys[n], jobs[n], strict=True):
            firsts.setdefault(key, job)
    target = machine[0][1].product.target if machine else None
    if target is None:
        return {}
    found = banked(target, list(firsts.values()), [key[3] for key in firsts])
    shared = dict(zip(firsts, found, strict=True))
    return {n: [shared[key] for key in keys[n]] for n, _ in machine}
