"""Machines by configuration: which engine goes into the shell."""

from .config import Config
from .engines.systolic import SystolicEngine
from .machine.machine import Machine

__all__ = ["machine"]


def machine(config: Config) -> Machine:
    """The machine of ``config``; ``UserError`` if it has no table [machine]."""
    number = 0 if config.array.flow == "ws" else 1  # as in the register `capabilities`
    return Machine(config.shell, SystolicEngine, number, int(config.hash, 16))
