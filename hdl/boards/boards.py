"""Boards by name: which machine, at which clock, with how much memory."""

from dataclasses import dataclass

from ..config import Config, UserError, load
from .top import BoardTop

__all__ = ["BOARDS", "Board", "board"]


@dataclass(frozen=True)
class Board:
    """What a board has.

    ``config``: the machine unless another is asked for; ``family``: its target; ``clock_hz``: of
    machine and memory; ``baud``: of the serial line; ``memory``: bytes of the pool on chip;
    ``frame_words``: most words of a request.
    """

    name: str
    config: str
    family: str
    clock_hz: float
    baud: int
    memory: int
    frame_words: int

    def machine(self, name: str | None = None, target: str | None = None) -> Config:
        """Its configuration, or the one called ``name``; ``UserError`` if there is no machine."""
        found = load(name or self.config, target or self.family)
        if found.machine is None:
            raise UserError(f"CONFIG: must have a table [machine] for a board, not {found.name}")
        return found

    def top(self, config: Config, *, baud: int | None = None) -> BoardTop:
        """What goes onto the board, without its pins."""
        return BoardTop(
            config,
            clock_hz=self.clock_hz,
            baud=baud or self.baud,
            memory=self.memory,
            frame_words=self.frame_words,
        )


BOARDS = {
    b.name: b for b in (Board("ulx3s-85f", "ws-8x8", "ecp5", 100e6, 3_000_000, 256 << 10, 256),)
}


def board(name: str) -> Board:
    """Board ``name``; ``UserError`` if there is none."""
    if name not in BOARDS:
        raise UserError(f"BOARD: must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
