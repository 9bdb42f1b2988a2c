"""Programs in numpy, for :class:`insitu.Machine`: golden model, and exact models of cycles."""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from insitu.hdl.config import Config
from insitu.program.plan import Models
from insitu.program.program import Program
from insitu.program.runner import Ran
from insitu.program.target import Target

from .execute import counters, execute

__all__ = ["Exact", "Golden"]


class Golden:
    """Results alone."""

    models: Models | None = None
    base = 0

    def __init__(self, config: Config) -> None:
        self.target = Target.of(config)

    def run(self, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """See :class:`insitu.program.runner.Runner`."""
        return Ran(execute(self.target, program, inputs)[0], [])

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
        outputs, done = execute(self.target, program, inputs)
        return Ran(outputs, list(counters(self._shell, done)))
