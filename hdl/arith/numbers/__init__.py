"""Arithmetic inside an array, by the kind of its numbers."""

from ...config import ArrayConfig
from .base import Arithmetic
from .exact import ExactArithmetic, ExactProduct
from .integers import IntegerArithmetic

__all__ = ["Arithmetic", "ExactProduct", "arithmetic"]

_KINDS: dict[str, Arithmetic] = {"integers": IntegerArithmetic(), "exact": ExactArithmetic()}


def arithmetic(config: ArrayConfig) -> Arithmetic:
    """That of an array."""
    return _KINDS[config.number.name]
