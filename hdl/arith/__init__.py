"""Arithmetic: multiplier groups, adder trees, accumulators. Free-running; targets are equal."""

from .accumulator import Accumulator
from .dot import DotProduct
from .multiplier import Multipliers, multipliers
from .tree import AdderTree

__all__ = ["Accumulator", "AdderTree", "DotProduct", "Multipliers", "multipliers"]
