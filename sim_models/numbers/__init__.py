"""Golden models by the kind of a machine's numbers."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from insitu.program.descriptor import Descriptor
from insitu.program.target import Target

from .exact import ExactGolden
from .integers import IntegerGolden

__all__ = ["Golden", "golden_of"]

Ints = NDArray[np.int64]


class Golden(Protocol):
    """What a machine computes, of elements as they are stored."""

    def result(
        self,
        job: Descriptor,
        a: Ints,
        b: Ints,
        *,
        bias: Ints | None = None,
        d: Ints | None = None,
        scales: NDArray[np.float32] | None = None,
    ) -> Ints:
        """C of one matrix of the batch, of M×K ``a`` and K×N ``b``."""

    def moving(self, values: Ints) -> Ints:
        """Stored elements such that those that are equal to a zero point are zero in value."""


def golden_of(target: Target) -> Golden:
    """That of a machine."""
    if target.floats is not None:
        return ExactGolden(*target.floats)
    return IntegerGolden(target.sum_bits)
