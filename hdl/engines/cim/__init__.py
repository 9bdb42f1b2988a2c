"""The compute-in-memory tile as an engine."""

from .engine import CimEngine, cim_events

__all__ = ["CimEngine", "cim_events"]
