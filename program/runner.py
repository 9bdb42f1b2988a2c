"""What runs programs, wherever that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray

from .plan import Models
from .program import Program
from .target import Target

__all__ = ["Ran", "Runner"]


@dataclass(frozen=True)
class Ran:
    """What came of a program: ``outputs`` by name, ``counters`` of each descriptor, if any."""

    outputs: dict[str, NDArray[Any]]
    counters: list[dict[str, int]]


class Runner(Protocol):
    """What runs programs in one place.

    ``target``: what they are to be made for; ``models``: what plans may ask, if anything; ``base``:
    first byte of memory that they may take.
    """

    target: Target
    models: Models | None

    @property
    def base(self) -> int: ...

    def run(self, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """Run ``program`` once; ``UserError`` if it cannot, or gave what it must not."""

    def close(self) -> None:
        """Give back what it holds."""
