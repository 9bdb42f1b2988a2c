"""Number formats: what a bit pattern means and how wide sums and products of it get."""

from .floats import ELEMENT_FORMATS, FLOAT_FORMATS, FloatFormat
from .integers import FORMAT_NAMES, NARROW_FORMATS, IntFormat
from .interval import Interval

__all__ = [
    "ELEMENT_FORMATS",
    "FLOAT_FORMATS",
    "FORMAT_NAMES",
    "NARROW_FORMATS",
    "FloatFormat",
    "Format",
    "IntFormat",
    "Interval",
    "parse",
]

Format = IntFormat | FloatFormat


def parse(name: str) -> Format:
    """Format named ``name``; ``ValueError`` if there is none."""
    return FLOAT_FORMATS[name] if name in FLOAT_FORMATS else IntFormat.parse(name)
