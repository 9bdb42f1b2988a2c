"""Machines on boards: what is around them, and which board has what."""

from .boards import BOARDS, Board, board
from .top import BoardTop

__all__ = ["BOARDS", "Board", "BoardTop", "board"]
