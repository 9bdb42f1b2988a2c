"""Arithmetic of integers in an array."""

from ...formats import Format
from ..dot import DotProduct
from .base import Arithmetic

__all__ = ["IntegerArithmetic"]


class IntegerArithmetic(Arithmetic):
    """Operands are numbers as they are; what is added are their products."""

    dot = DotProduct

    def entering(self, fmt: Format, x, zero):
        return x if zero is None else x - zero

    def add(self, x, y):
        return x + y

    def moves(self, x):
        return x
