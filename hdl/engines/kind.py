"""What the rest of the project has to know of a kind of engine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amaranth.lib import wiring

from ..config import MachineConfig
from ..contract.events import Event

__all__ = ["Kind"]


def _always(_: Any) -> bool:
    return True


@dataclass(frozen=True)
class Kind:
    """A kind of engine: one of these is in each folder of ``hdl/engines``.

    Parameters
    ----------
    name : str
        What it is called: of the machine as a whole.
    number : int
        In the register ``capabilities``, from 0 to 15.
    core : type
        Dataclass of its core's configuration, one of the tables of a TOML file.
    engine : callable
        Makes the engine of a ``MachineConfig``: a component with an
        :class:`~insitu.hdl.contract.engine.EnginePort`.
    events : callable
        What the engine of a ``MachineConfig`` counts.
    example : str
        Name of a configuration of this kind.
    rung : str
        What it stands for, in comparisons of machines: one line.
    alone : str
        Name of its core's Verilog module, if that can be had without a machine, else "".
    make_core : callable or None
        Makes that core of its configuration.
    is_it : callable
        Whether a core's configuration, of type ``core``, is of this kind; by default all are.
    """

    name: str
    number: int
    core: type
    engine: Callable[[MachineConfig], wiring.Component]
    events: Callable[[MachineConfig], tuple[Event, ...]]
    example: str
    rung: str = ""
    alone: str = ""
    make_core: Callable[[Any], wiring.Component] | None = None
    is_it: Callable[[Any], bool] = _always
