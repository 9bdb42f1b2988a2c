"""Programs in numpy, for :class:`insitu.Machine`: golden model, and exact models of cycles."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import Config
from insitu.program.plan import Models
from insitu.program.program import Program
from insitu.program.runner import Ran
from insitu.program.target import Target

from .execute import Executed, Memory, counters

__all__ = ["Exact", "Golden"]


class Golden:
    """Results alone. Banks keep what they have from one program to the next."""

    models: Models | None = None
    base = 0

    def __init__(self, config: Config) -> None:
        self.target = Target.of(config)
        self.ran = 0
        self._banks: Mapping[int, NDArray[np.int64]] = {}

    def _done(
        self, program: Program, inputs: Mapping[str, ArrayLike]
    ) -> tuple[dict[str, NDArray[np.int64]], list[Executed]]:
        memory = Memory(self.target, program.memory(inputs), self._banks)
        done = [memory.do(job) for job in program.jobs]
        self._banks = memory.banks
        self.ran += 1
        return {x: t.read(memory.content) for x, t in program.outputs.items()}, done

    def run(self, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """See :class:`insitu.program.runner.Runner`."""
        return Ran(self._done(program, inputs)[0], [])

    def close(self) -> None:
        """Nothing is held."""


class Exact(Golden):
    """Results, and what every counter of the machine shows; each descriptor alone.

    ``UserError`` for a configuration without a table [machine].
    """

    def __init__(self, config: Config) -> None:
        from .exact import MODELS

        super().__init__(config)
        self._shell, self.models = config.shell, MODELS

    def run(self, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """See :class:`insitu.program.runner.Runner`."""
        outputs, done = self._done(program, inputs)
        return Ran(outputs, list(counters(self._shell, done)))
