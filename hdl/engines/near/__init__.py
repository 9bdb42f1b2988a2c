"""Machines with weights in memories beside the multipliers: mesh and in-bank."""

from .engine import NearEngine, near_events

__all__ = ["NearEngine", "near_events"]
