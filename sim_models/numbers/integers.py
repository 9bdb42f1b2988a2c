"""Golden model of integers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.program.descriptor import Descriptor

from .. import golden

__all__ = ["IntegerGolden"]

Ints = NDArray[np.int64]


class IntegerGolden:
    """See :func:`insitu.sim_models.golden.result`."""

    def __init__(self, sum_bits: int) -> None:
        self._bits = sum_bits

    def result(self, job: Descriptor, a: Ints, b: Ints, **given: Any) -> Ints:
        return golden.result(job, a, b, acc_bits=self._bits, **given)

    def moving(self, values: Ints) -> Ints:
        return values
