"""Machines by configuration: which engine goes into the shell."""

from collections.abc import Callable

from amaranth.lib import wiring

from .config import CimConfig, Config, InbankConfig, MachineConfig, NearConfig, SimdConfig
from .contract.events import Event
from .engines.blocks import block_events
from .engines.cim import CimEngine, cim_events
from .engines.near import NearEngine, near_events
from .engines.simd import SimdEngine
from .engines.systolic import SystolicEngine
from .shell.machine import Machine

__all__ = ["engine_events", "engine_of", "machine"]


def engine_events(config: MachineConfig) -> tuple[Event, ...]:
    """What the engine of ``config`` counts."""
    if isinstance(config.array, NearConfig):
        return near_events(config)
    return cim_events(config) if isinstance(config.array, CimConfig) else block_events(config)


def machine(config: Config) -> Machine:
    """The machine of ``config``; ``UserError`` if it has no table [machine]."""
    shell = config.shell
    return Machine(shell, *engine_of(shell), int(config.hash, 16))


def engine_of(shell: MachineConfig) -> tuple[Callable[[MachineConfig], wiring.Component], int]:
    """Engine for ``shell``, and its number in the register ``capabilities``."""
    array = shell.array
    if isinstance(array, NearConfig):
        return NearEngine, 7 if isinstance(array, InbankConfig) else 6
    if isinstance(array, CimConfig):
        return CimEngine, 2
    if isinstance(array, SimdConfig):
        return SimdEngine, 4 if array.cols == 1 else 5
    return SystolicEngine, 0 if array.flow == "ws" else 1
