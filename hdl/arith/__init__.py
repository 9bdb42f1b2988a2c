"""Arithmetic: multiplier groups, adder trees, accumulators. All free-running, all equal bit for bit."""

from .accumulator import Accumulator
from .dot import DotProduct
from .multiplier import Multipliers, multipliers
from .tree import AdderTree

__all__ = ["Accumulator", "AdderTree", "DotProduct", "Multipliers", "multipliers"]
