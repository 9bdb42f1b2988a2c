"""The compute-in-memory tile as an engine."""

from ...cim import CimTile
from ...config import CimConfig
from ..kind import Kind
from .engine import CimEngine, cim_events

__all__ = ["KINDS", "CimEngine", "cim_events"]

KINDS = (
    Kind(
        name="compute-in-memory tile",
        number=2,
        core=CimConfig,
        engine=CimEngine,
        events=cim_events,
        example="cim-64x16",
        rung="digital compute-in-memory tile",
        alone="tile",
        make_core=CimTile,
    ),
)
