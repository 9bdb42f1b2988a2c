"""Programs in numpy, for :class:`insitu.Machine`: golden model, and exact models of cycles."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import Config
from insitu.program.plan import Models
from insitu.program.program import Program
from insitu.program.runner import Ran, Session
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

    def run(self, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """See :class:`insitu.program.runner.Runner`."""
        return self.do(program, program.memory(inputs))

    def begin(self, program: Program) -> Session:
        """See :class:`insitu.program.runner.Keeping`."""
        return _Session(self, replace(program, inputs={}).memory({}))

    def do(self, program: Program, content: NDArray[np.uint8]) -> Ran:
        """Run the descriptors of ``program`` on memory that has ``content``, which they change."""
        memory = Memory(self.target, content, self._banks)
        done = [memory.do(job) for job in program.jobs]
        self._banks = memory.banks
        self.ran += 1
        outputs = {name: tensor.read(content) for name, tensor in program.outputs.items()}
        return Ran(outputs, self._counters(done))

    def _counters(self, done: list[Executed]) -> list[dict[str, int]]:
        return []

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

    def _counters(self, done: list[Executed]) -> list[dict[str, int]]:
        return list(counters(self._shell, done))


class _Session:
    """See :class:`insitu.program.runner.Session`."""

    keeps, is_there = True, True

    def __init__(self, golden: Golden, content: NDArray[np.uint8]) -> None:
        self._golden, self._content = golden, content

    def run(self, part: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        for address, piece in (*part.image, *part.writes(inputs)):
            self._content[address : address + len(piece)] = np.frombuffer(piece, np.uint8)
        return self._golden.do(part, self._content)
