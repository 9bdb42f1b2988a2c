"""What runs programs, wherever that is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeGuard

from numpy.typing import ArrayLike, NDArray

from .plan import Models
from .program import Program, operands
from .target import Target

__all__ = ["Keeping", "Ran", "Runner", "Session", "begin", "is_keeping"]


@dataclass(frozen=True)
class Ran:
    """What came of a program: ``outputs`` by name, ``counters`` of each descriptor, if any."""

    outputs: dict[str, NDArray[Any]]
    counters: list[dict[str, int]]


class Runner(Protocol):
    """What runs programs in one place.

    ``target``: what they are to be made for; ``models``: what plans may ask, if anything; ``base``:
    first byte of memory that they may take.

    One that keeps memory and banks from one program to the next has ``begin`` and ``ran`` as well,
    see :class:`Keeping`.
    """

    target: Target
    models: Models | None

    @property
    def base(self) -> int: ...

    def run(self, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """Run ``program`` once; ``UserError`` if it cannot, or gave what it must not."""

    def close(self) -> None:
        """Give back what it holds."""


class Session(Protocol):
    """A program that has begun: parts of it run one after the other.

    ``keeps``: what a part leaves in memory is there for the next one; ``is_there``: its memory is
    its own still.
    """

    @property
    def keeps(self) -> bool: ...

    @property
    def is_there(self) -> bool: ...

    def run(self, part: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """Run descriptors of the program, whose image and inputs are in memory then; ``UserError``
        as of :meth:`Runner.run`."""


class Keeping(Runner, Protocol):
    """A runner that keeps memory and banks from one program to the next.

    ``ran``: a number that grows with each program, so that who runs several knows whether somebody
    else did between, to whom the banks belong then.
    """

    @property
    def ran(self) -> int: ...

    def begin(self, program: Program) -> Session:
        """Put what ``program`` begins with into memory."""


def begin(runner: Runner, program: Program) -> Session:
    """Begin ``program`` where ``runner`` has it; parts begin anew each time if nothing is kept."""
    return runner.begin(program) if is_keeping(runner) else _Anew(runner)


def is_keeping(runner: Runner) -> TypeGuard[Keeping]:
    """Whether it keeps memory and banks."""
    return hasattr(runner, "begin")


class _Anew:
    """Parts as programs of their own, whose image is all that memory has."""

    keeps, is_there = False, True

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def run(self, part: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """See :class:`Session`."""
        return _summed(self._runner, part, inputs)


def _summed(runner: Runner, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
    """Run ``program``, whose output ``c`` is what its descriptors add up, one after the other, each
    with the sums so far as an input: on RTL memory is looked at only after the last one, and has
    other sums by then than those before it wrote.
    """
    if len(program.calls) == 1:
        return runner.run(program, inputs)
    target, counters = runner.target, []
    found: dict[str, NDArray[Any]] = {}
    for call in program.calls:
        there = operands(call.job, target.a_bits, target.b_bits)
        sums = {"d": there["d"]} if call.job.addend else {}
        one = replace(
            program, calls=(call,), inputs={**program.inputs, **sums}, outputs={"c": there["c"]}
        )
        done = runner.run(one, {**inputs, **({"d": found["c"]} if sums else {})})
        found = done.outputs
        counters += done.counters
    return Ran(found, counters)
