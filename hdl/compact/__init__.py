"""A whole machine for devices that the one of ``hdl/machine`` does not fit."""

from .machine import CompactMachine
from .memory import SharedMemory

__all__ = ["CompactMachine", "SharedMemory"]
