"""A whole machine for devices that the one of ``hdl/machine`` does not fit."""

from .machine import CompactMachine, CompactSystem

__all__ = ["CompactMachine", "CompactSystem"]
