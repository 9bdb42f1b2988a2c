"""Cycles: of the bare array in closed form, of a machine register by register."""

from .array import array_cycles, array_latency, weight_load
from .run import LATENCY, OUTSTANDING, Timing, temporal

__all__ = [
    "LATENCY",
    "OUTSTANDING",
    "Timing",
    "array_cycles",
    "array_latency",
    "temporal",
    "weight_load",
]
