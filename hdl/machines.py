"""Machines by configuration: the engine of its kind in the shell."""

from .config import Config, MachineConfig
from .contract.events import SHELL_EVENTS, Event
from .engines.registry import kind_of
from .shell.machine import Machine

__all__ = ["engine_events", "events", "machine"]


def engine_events(config: MachineConfig) -> tuple[Event, ...]:
    """What the engine of ``config`` counts."""
    return kind_of(config.array).events(config)


def events(config: MachineConfig) -> tuple[Event, ...]:
    """What a machine counts, in the order of its counters."""
    return SHELL_EVENTS + engine_events(config)


def machine(config: Config) -> Machine:
    """The machine of ``config``; ``UserError`` if it has no table [machine]."""
    shell = config.shell
    kind = kind_of(shell.array)
    return Machine(shell, kind.engine, kind.number, int(config.hash, 16))
