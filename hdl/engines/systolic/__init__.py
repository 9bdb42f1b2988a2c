"""The systolic array as an engine."""

from .engine import SystolicEngine

__all__ = ["SystolicEngine"]
