"""Programs on a board, for :class:`insitu.Machine`."""

from collections.abc import Mapping
from dataclasses import asdict

from numpy.typing import ArrayLike

from insitu.hdl.config import Config, UserError
from insitu.program.plan import Models
from insitu.program.program import Program
from insitu.program.runner import Ran, Session

from .device import BAUD, Device
from .run import Loaded

__all__ = ["OnBoard"]


class OnBoard:
    """A board, by its serial port or by a :class:`.Device` that is open.

    ``UserError`` if its machine is not that of the configuration.
    """

    models: Models | None = None

    def __init__(
        self, config: Config, *, port: str | None = None, device: Device | None = None,
        baud: int = BAUD, timeout: float = 0.5, patience: float = 10.0,
    ) -> None:  # fmt: skip
        if (port is None) == (device is None):
            raise UserError("port, device: must be one of them, not both or none")
        self._own = device is None
        self.device = device or Device.open(str(port), baud, timeout=timeout, patience=patience)
        try:
            self.target = self.device.board.target(config)
        except UserError:
            self.close()
            raise

    @property
    def base(self) -> int:
        """After the matrices that are on the board."""
        return self.device.used

    @property
    def ran(self) -> int:
        """Products that the board has computed so far."""
        return self.device.machine.products

    def run(self, program: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        """See :class:`insitu.program.runner.Runner`."""
        used = self.device.used
        try:
            loaded = self.device.load(program)
            outputs = loaded.run(**inputs)
        finally:
            self.device.clear(used)
        return Ran(outputs, _counters(loaded))

    def begin(self, program: Program) -> Session:
        """See :class:`insitu.program.runner.Keeping`; its memory is taken until it is cleared."""
        return _Session(self.device.load(program))

    def close(self) -> None:
        """Let others have the port, if it was opened here."""
        if self._own:
            self.device.close()


class _Session:
    """See :class:`insitu.program.runner.Session`."""

    keeps = True

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    @property
    def is_there(self) -> bool:
        return self._loaded.is_there

    def run(self, part: Program, inputs: Mapping[str, ArrayLike]) -> Ran:
        return Ran(self._loaded.part(part, inputs), _counters(self._loaded))


def _counters(loaded: Loaded) -> list[dict[str, int]]:
    return [
        {name: count for name, count in asdict(one).items() if count is not None}
        for one in loaded.counters
    ]
