"""What runs programs, wherever that is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray

from .plan import Models
from .program import Program, operands
from .target import Target

__all__ = ["Ran", "Runner", "summed"]


@dataclass(frozen=True)
class Ran:
    """What came of a program: ``outputs`` by name, ``counters`` of each descriptor, if any."""

    outputs: dict[str, NDArray[Any]]
    counters: list[dict[str, int]]


class Runner(Protocol):
    """What runs programs in one place.

    ``target``: what they are to be made for; ``models``: what plans may ask, if anything; ``base``:
    first byte of memory that they may take.

    One whose banks keep their weights from one program to the next has ``ran`` as well: a number
    that grows with each, so that who runs several knows whether somebody else did between.
    """

    target: Target
    models: Models | None

    @property
    def base(self) -> int: ...

    def run(self, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """Run ``program`` once; ``UserError`` if it cannot, or gave what it must not."""

    def close(self) -> None:
        """Give back what it holds."""


def summed(runner: Runner, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
    """Run ``program``, whose output ``c`` is what its descriptors add up.

    Where memory is looked at only after the last one, as on RTL, which then finds other sums than
    each of them wrote, they run one after the other, each with the sums so far as an input.
    """
    if len(program.calls) == 1 or hasattr(runner, "ran"):
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
