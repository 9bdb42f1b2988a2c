"""Programs on RTL, behind :class:`insitu.Machine`."""

import sys
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from rich.console import Console

from insitu.hdl.config import Config, UserError
from insitu.hdl.support.files import BUILD, folder_of, private_folder
from insitu.program.program import Program
from insitu.program.runner import Ran
from insitu.program.target import Target
from insitu.sim_models.exact import MODELS

from .. import simulators
from .harness import MEMORY_BYTES
from .machine_run import MachineRunner
from .workload import works_of

__all__ = ["Rtl"]


class Rtl:
    """The RTL of a machine on the reference memory, in a simulator.

    The first machine of a configuration is built, which takes half a minute; the build is kept in
    ``./build``. Results are the bytes that the RTL wrote. ``UserError`` if one of them is not what
    the golden model has, or a counter not what the models have: that would be a fault of Insitu.

    Parameters
    ----------
    config : Config
        With a table [machine].
    simulator : str or None
        "verilator" (the default) or "icarus".
    seed : int
        Of registers without reset.
    progress : bool
        Say on a terminal what is under way.
    """

    models = MODELS
    base = 0

    def __init__(
        self, config: Config, *, simulator: str | None = None, seed: int = 1, progress: bool = True
    ) -> None:
        self._config, self._seed = config, seed
        self.target = Target.of_shell(config.shell)
        self._sim = simulators.pick(simulator)
        self._console = Console(stderr=True, quiet=not (progress and sys.stderr.isatty()))
        self._place = BUILD / "machine" / folder_of(config) / self._sim
        self._built = False

    def run(self, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """See :class:`insitu.program.runner.Runner`."""
        if program.top > MEMORY_BYTES:
            rule = f"small enough for the {MEMORY_BYTES:,} bytes of the bench"
            raise UserError(f"a, b: must be {rule}, not of {program.top:,}")
        works = works_of(self._config.shell, program, inputs)
        with private_folder(self._place) as scratch:
            what = "" if self._built else f"building {self._config.name} for {self._sim}"
            with self._console.status(what or "simulating"):
                runner = MachineRunner(self._config, self._sim, scratch)
                self._built = True
            cycles = runner.expected(works)
            with self._console.status(f"simulating {cycles:,} cycles"):
                ran = runner.run(works, ahead=1, seed=self._seed)
        if not all(ran.exact) or any(ran.statuses) or ran.broken or ran.counters != ran.model:
            raise UserError(
                f"{self._config.name}: the RTL must be exact, but is not; {self._place}"
            )
        memory = np.zeros(program.top, np.uint8)
        for work, rows in zip(works, ran.rows, strict=True):
            for (address, _), content in zip(work.results, rows, strict=True):
                memory[address : address + len(content)] = np.frombuffer(content, np.uint8)
        outputs = {name: tensor.read(memory) for name, tensor in program.outputs.items()}
        return Ran(outputs, ran.counters)

    def close(self) -> None:
        """Nothing is held."""
