"""Cycles: of the bare array in closed form, of a machine register by register."""

from typing import Any

from .array import array_cycles, array_latency, weight_load

__all__ = ["array_cycles", "array_latency", "temporal", "weight_load"]


def __getattr__(name: str) -> Any:
    # Late, as numba takes half a second, which the many processes that run arrays need not spend.
    if name == "temporal":
        from .run import temporal

        return temporal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
