"""Machines by configuration: which engine goes into the shell."""

from amaranth.lib import wiring

from .config import CimConfig, Config, MachineConfig, SimdConfig
from .engines.blocks import block_events
from .engines.cim import CimEngine, cim_events
from .engines.simd import SimdEngine
from .engines.systolic import SystolicEngine
from .machine.counters import Event
from .machine.machine import Machine

__all__ = ["engine_events", "machine"]


def engine_events(config: MachineConfig) -> tuple[Event, ...]:
    """What the engine of ``config`` counts."""
    return cim_events(config) if isinstance(config.array, CimConfig) else block_events(config)


def machine(config: Config) -> Machine:
    """The machine of ``config``; ``UserError`` if it has no table [machine]."""
    shell = config.shell
    engine: type[wiring.Component]
    if isinstance(shell.array, CimConfig):
        engine, number = CimEngine, 2
    elif isinstance(shell.array, SimdConfig):
        engine, number = SimdEngine, 3 if shell.array.cols == 1 else 4
    else:
        engine, number = SystolicEngine, 0 if shell.array.flow == "ws" else 1
    # Numbers as in the register `capabilities`.
    return Machine(shell, engine, number, int(config.hash, 16))
