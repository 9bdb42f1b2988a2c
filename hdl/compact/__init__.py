"""A whole machine for devices that the one of ``hdl/shell`` does not fit."""

from .machine import CompactMachine, CompactSystem

__all__ = ["CompactMachine", "CompactSystem"]
