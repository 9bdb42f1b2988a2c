"""What a kind of number decides of the inside of an array."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

__all__ = ["Arithmetic"]


class Arithmetic(ABC):
    """Hardware of a :class:`~insitu.hdl.config.numbers.Number` in an array.

    Attributes
    ----------
    dot : type
        What multiplies, made of a configuration and a number of columns: a component with the
        members of :class:`~insitu.hdl.arith.DotProduct`.
    """

    dot: ClassVar[type]

    @abstractmethod
    def entering(self, fmt: Any, x, zero):
        """Stored element ``x`` of ``fmt`` as it moves through the array; ``zero``: what is
        subtracted, ``None`` where there are no zero points."""

    @abstractmethod
    def add(self, x, y):
        """Sum of two sums, with their flags."""

    @abstractmethod
    def moves(self, x):
        """What of stored element ``x`` makes it differ from zero."""
