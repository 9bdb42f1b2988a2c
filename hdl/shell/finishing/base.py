"""What a kind of number decides of how a sum is kept, and how it becomes an element of C."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Value

from ...config.machine import MachineConfig
from ...config.numbers import number_of

__all__ = ["Finishing", "Lanes"]


@dataclass(frozen=True)
class Lanes:
    """What a store gives to be finished, in the cycle in which it is there.

    ``job``; ``pick``: of a lane, its sum as it is kept; ``bias`` and ``scale`` by lane.
    """

    job: Any
    pick: Callable[[int], Value]
    bias: Any
    scale: Any


class Finishing(ABC):
    """Hardware of a :class:`~insitu.hdl.config.numbers.Number` in a machine's shell.

    Attributes
    ----------
    flag_bits : int
        Flags of a descriptor that are known; the others must be 0.
    sizes : dict
        Bytes of results by name, the largest first; those that are none of them have one.
    wide_cycles, narrow_cycles : int
        From a sum to a result of 32 bits, and to others.
    depth : int
        Results that the queue after it holds: more than are under way.
    capabilities : dict
        Fields of the register ``capabilities``.
    """

    flag_bits: int
    sizes: dict[str, int]
    capabilities: dict[str, int] = {}

    def __init__(self, config: MachineConfig):
        number = number_of(config.array)
        self.depth = number.results
        self.wide_cycles, self.narrow_cycles = number.finishing(config.array)

    @staticmethod
    @abstractmethod
    def add(config: MachineConfig, c, kept):
        """A sum as it is kept, and one more that came from the engine."""

    @staticmethod
    @abstractmethod
    def begin(config: MachineConfig, d):
        """A sum as it is kept that begins at ``d``, 32 bits of D."""

    @staticmethod
    @abstractmethod
    def is_size(job, name: str):
        """Whether results of ``job`` are of that size."""

    @staticmethod
    @abstractmethod
    def registers(config: MachineConfig) -> dict[str, Any]:
        """Read-only registers, ``sums`` among them."""

    @staticmethod
    def profile(config: MachineConfig) -> dict[str, int]:
        """Fields of the register ``profile``."""
        return {}

    @staticmethod
    @abstractmethod
    def unknown(fields):
        """Whether the flags of a descriptor, by name, ask for what there is not."""

    @staticmethod
    def set_flags(m: Module, job, comes, fields) -> None:
        """Set fields of the job that only such machines have, when the word of flags comes."""
        return

    @staticmethod
    def check_scale(checks: Any) -> None:
        """Add to :class:`~insitu.hdl.shell.checks.WordChecks` what a scale must be."""
        return

    @staticmethod
    def check_clamp(checks: Any) -> None:
        """Add to it what zero point and bounds of results must be."""
        return

    @abstractmethod
    def lanes(self, m: Module, config: MachineConfig, given: Lanes) -> tuple[list, list]:
        """Results of 32 bits by lane, ``wide_cycles`` later; others, ``narrow_cycles`` later."""
