"""Lanes that share an activation, as an engine: scalar and SIMD machines."""

from .engine import SimdEngine
from .gather import Gather
from .lanes import Lanes

__all__ = ["Gather", "Lanes", "SimdEngine"]
