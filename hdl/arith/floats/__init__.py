"""binary32 and narrower floating-point numbers: rounding, adding, converting. Free-running."""

from .adder import Adder
from .narrow import Narrow
from .rounder import Rounder

__all__ = ["Adder", "Narrow", "Rounder"]
