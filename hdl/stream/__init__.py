"""Stream blocks; a transfer happens where ``valid`` and ``ready`` are both high."""

from .delay import Delay, Skew
from .queue import Queue
from .ram import Ram
from .reserved import ReservedQueue
from .skid import Skid
from .transpose import Transpose
from .width import Narrow, Widen

__all__ = ["Delay", "Narrow", "Queue", "Ram", "ReservedQueue", "Skew", "Skid", "Transpose", "Widen"]
