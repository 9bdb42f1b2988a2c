"""How sums are kept and become elements of C, by the kind of a machine's numbers."""

from ...config.machine import MachineConfig
from ...config.numbers import number_of
from .base import Finishing, Lanes
from .exact import ExactFinishing
from .integers import IntegerFinishing

__all__ = ["Finishing", "Lanes", "finishing"]

_KINDS = {"integers": IntegerFinishing, "exact": ExactFinishing}


def finishing(config: MachineConfig) -> Finishing:
    """That of a machine."""
    return _KINDS[number_of(config.array).name](config)
