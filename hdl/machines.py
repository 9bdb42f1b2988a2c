"""Machines by configuration: which engine goes into the shell."""

from .config import CimConfig, Config, InbankConfig, MachineConfig, NearConfig
from .engines.blocks import BlockEngine, block_events
from .engines.cim import CimEngine, cim_events
from .engines.near import NearEngine, near_events
from .engines.systolic import SystolicEngine
from .machine.counters import Event
from .machine.machine import Machine

__all__ = ["engine_events", "machine"]


def engine_events(config: MachineConfig) -> tuple[Event, ...]:
    """What the engine of ``config`` counts."""
    if isinstance(config.array, NearConfig):
        return near_events(config)
    return cim_events(config) if isinstance(config.array, CimConfig) else block_events(config)


def machine(config: Config) -> Machine:
    """The machine of ``config``; ``UserError`` if it has no table [machine]."""
    shell = config.shell
    engine: type[BlockEngine]
    if isinstance(shell.array, NearConfig):
        engine, number = NearEngine, 7 if isinstance(shell.array, InbankConfig) else 6
    elif isinstance(shell.array, CimConfig):
        engine, number = CimEngine, 2
    else:
        engine, number = SystolicEngine, 0 if shell.array.flow == "ws" else 1
    # Numbers as in the register `capabilities`.
    return Machine(shell, engine, number, int(config.hash, 16))
