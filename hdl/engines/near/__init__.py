"""Machines with weights in memories beside the multipliers: mesh and in-bank."""

from typing import Any

from ...config import InbankConfig, MeshConfig
from ...near import NearCore
from ..kind import Kind
from .engine import NearEngine, near_events

__all__ = ["KINDS", "NearEngine", "near_events"]


def _kind(name: str, number: int, core: Any, example: str, rung: str) -> Kind:
    return Kind(
        name=name,
        number=number,
        core=core,
        engine=NearEngine,
        events=near_events,
        example=example,
        rung=rung,
        alone="core",
        make_core=NearCore,
    )


KINDS = (
    _kind("mesh", 6, MeshConfig, "mesh-8x8", "mesh of tiles with memories of their own"),
    _kind("in-bank", 7, InbankConfig, "inbank-8x8", "multipliers beside the banks of the memory"),
)
