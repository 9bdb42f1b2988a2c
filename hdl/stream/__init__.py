"""Stream blocks; a transfer happens where ``valid`` and ``ready`` are both high."""

from .credits import has_room
from .delay import Delay, Skew
from .pipe import Pipe
from .queue import Queue
from .ram import Ram
from .reserved import ReservedQueue
from .skid import Skid, Slot
from .transpose import Transpose
from .width import Narrow, Widen

__all__ = [
    "Delay",
    "Narrow",
    "Pipe",
    "Queue",
    "Ram",
    "ReservedQueue",
    "Skew",
    "Skid",
    "Slot",
    "Transpose",
    "Widen",
    "has_room",
]
