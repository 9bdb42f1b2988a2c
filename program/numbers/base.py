"""What users give of a product and what they get."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..descriptor import Descriptor
from ..target import Target
from .asked import Asked

__all__ = ["Arguments"]


class Arguments(ABC):
    """Checks and converts; ``UserError`` in all methods, of one line that names the argument.

    Parameters
    ----------
    target : Target
    """

    def __init__(self, target: Target) -> None:
        self.target = target

    @abstractmethod
    def operand(self, x: str, values: Any, dims: tuple[int, ...]) -> NDArray[Any]:
        """Operand ``x``, "a" or "b", as it is stored, in one of so many dimensions."""

    @abstractmethod
    def bias(self, values: Any, n: int) -> NDArray[Any]:
        """A row of ``n``, as it is stored."""

    @abstractmethod
    def addend(self, values: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """D, as it is stored."""

    @abstractmethod
    def job(
        self, sizes: tuple[int, int, int], a: np.dtype, b: np.dtype, asked: Asked
    ) -> tuple[Descriptor, NDArray[np.float32] | None]:
        """A descriptor of M, N, K = ``sizes`` without addresses, and scales by column if there are
        any; ``a``, ``b``: types of the operands as :meth:`operand` gives them."""

    @abstractmethod
    def result(self, values: NDArray[Any], format: str) -> NDArray[Any]:
        """Elements of C of ``format``, as numbers."""
