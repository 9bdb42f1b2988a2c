"""Kinds of numbers that a machine computes with.

A new one is a file here, one in ``hdl/arith/numbers``, one in ``hdl/shell/finishing``, and one in
``sim_models/numbers``.
"""

from typing import Any

from ...formats import FloatFormat, Format
from .base import Number
from .exact import ExactFloats
from .integers import Integers

__all__ = ["EXACT", "INTEGERS", "ExactFloats", "Integers", "Number", "number_for", "number_of"]

INTEGERS, EXACT = Integers(), ExactFloats()


def number_for(a: Format, b: Format) -> Number:
    """The kind that multiplies elements of ``a`` and ``b``."""
    return EXACT if isinstance(a, FloatFormat) or isinstance(b, FloatFormat) else INTEGERS


def number_of(core: Any) -> Number:
    """The kind that a core computes with: its ``number``, integers if it says nothing."""
    found: Number = getattr(core, "number", INTEGERS)
    return found
