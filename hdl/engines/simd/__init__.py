"""Lanes that share an activation, as an engine: scalar and SIMD machines."""

from ...config import SimdConfig
from ..blocks import block_events
from ..kind import Kind
from .engine import SimdEngine
from .gather import Gather
from .lanes import Lanes

__all__ = ["KINDS", "Gather", "Lanes", "SimdEngine"]


def _kind(number: int, name: str, example: str, rung: str, scalar: bool) -> Kind:
    return Kind(
        name=name,
        number=number,
        core=SimdConfig,
        engine=SimdEngine,
        events=block_events,
        example=example,
        rung=rung,
        is_it=lambda core: (core.cols == 1) == scalar,
    )


SCALAR = "scalar: one product at a time, as a von Neumann processor does"
LANES = "SIMD: lanes that share an operand, register tiles"
KINDS = (_kind(4, "scalar", "scalar", SCALAR, True), _kind(5, "SIMD", "simd-8", LANES, False))
