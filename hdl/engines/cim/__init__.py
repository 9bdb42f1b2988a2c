"""The compute-in-memory tile as an engine."""

from ...config import CimConfig
from ..kind import Kind
from .engine import CimEngine, cim_events

__all__ = ["KINDS", "CimEngine", "cim_events"]

KINDS = (Kind("compute-in-memory tile", 2, CimConfig, CimEngine, cim_events, "cim-64x16"),)
