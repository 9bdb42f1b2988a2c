"""The systolic array as an engine."""

from ...array import SystolicArray
from ...config import ArrayConfig
from ..blocks import block_events
from ..kind import Kind
from .engine import SystolicEngine

__all__ = ["KINDS", "SystolicEngine"]


def _kind(number: int, flow: str, name: str) -> Kind:
    return Kind(
        name=name,
        number=number,
        core=ArrayConfig,
        engine=SystolicEngine,
        events=block_events,
        example=f"{flow}-8x8",
        rung=f"systolic array, {name.removesuffix(' array')}",
        alone="array",
        make_core=SystolicArray,
        is_it=lambda core: core.flow == flow,
    )


KINDS = (_kind(0, "ws", "weight-stationary array"), _kind(1, "os", "output-stationary array"))
