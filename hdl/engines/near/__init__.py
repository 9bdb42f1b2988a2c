"""Machines with weights in memories beside the multipliers: mesh and in-bank."""

from ...config import InbankConfig, MeshConfig
from ..kind import Kind
from .engine import NearEngine, near_events

__all__ = ["KINDS", "NearEngine", "near_events"]

KINDS = (
    Kind("mesh", 6, MeshConfig, NearEngine, near_events, "mesh-8x8"),
    Kind("in-bank", 7, InbankConfig, NearEngine, near_events, "inbank-8x8"),
)
