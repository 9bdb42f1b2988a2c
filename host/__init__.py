"""What software needs to drive a machine, on a board or in a simulation."""

from .device import Device, Matrix
from .link import HostError

__all__ = ["Device", "HostError", "Matrix"]
