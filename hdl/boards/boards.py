"""Boards by name: which machine, at which clock, with how much memory."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..config import Config, UserError, load
from .clocks import PLLS
from .pins import Pins
from .top import BoardTop

__all__ = ["BOARDS", "Board", "board"]


@dataclass(frozen=True)
class Board:
    """What a board has.

    ``config``: the machine unless another is asked for; ``family``: its target; ``clock_hz``: of
    machine and memory; ``baud``: of the serial line; ``memory``: bytes of the pool on chip;
    ``frame_words``: most words of a request; ``platform``: module and class of amaranth-boards;
    ``alive``, ``error``: LEDs, see :class:`~insitu.hdl.boards.pins.Pins`; ``loader``:
    openFPGALoader's name for it, and ``-f`` where only its flash can be written without moving
    jumpers.
    """

    name: str
    config: str
    family: str
    clock_hz: float
    baud: int
    memory: int
    frame_words: int
    platform: str
    alive: tuple[str, int, *tuple[str, ...]]
    error: tuple[str, int, *tuple[str, ...]]
    loader: str

    def machine(self, name: str | None = None, target: str | None = None) -> Config:
        """Its configuration, or the one called ``name``; ``UserError`` if there is no machine."""
        found = load(self.config if name is None else name, target or self.family)
        if found.machine is None and found.small is None:
            rule = "a table [machine] or [compact] for a board"
            raise UserError(f"CONFIG: must have {rule}, not {found.name}")
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

    def pinned(self) -> tuple[Pins, Any]:
        """What is around the top on the board, and amaranth's platform to build it for."""
        module, name = self.platform.split(".")
        platform = getattr(import_module(f"amaranth_boards.{module}"), name)()
        find = PLLS[self.family]
        return Pins(lambda hz: find(hz, self.clock_hz), self.alive, self.error), platform


BOARDS = {
    b.name: b
    for b in (
        Board(
            "ulx3s-85f", "ws-8x8", "ecp5", 100e6, 3_000_000, 256 << 10, 256,
            "ulx3s.ULX3S_85F_Platform", ("led", 0), ("led", 1), "ulx3s",
        ),
        Board(
            "ecpix5-85f", "ws-8x8", "ecp5", 100e6, 3_000_000, 256 << 10, 256,
            "ecpix5.ECPIX585Platform", ("rgb_led", 0, "g"), ("rgb_led", 1, "r"), "ecpix5_r03",
        ),
        Board(
            "icepi-zero", "ws-4x4", "ecp5", 75e6, 3_000_000, 32 << 10, 256,
            "icepi_zero.IcepiZero1_3Platform", ("led", 0), ("led", 1), "icepi-zero",
        ),
        Board(
            "icebreaker", "up5k", "ice40", 24e6, 3_000_000, 128 << 10, 256,
            "icebreaker.ICEBreakerPlatform", ("led_g", 0), ("led_r", 0), "ice40_generic -f",
        ),
    )
}  # fmt: skip


def board(name: str) -> Board:
    """Board ``name``; ``UserError`` if there is none."""
    if name not in BOARDS:
        raise UserError(f"BOARD: must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
