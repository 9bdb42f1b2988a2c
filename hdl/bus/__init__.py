"""Buses to the outside world."""

from .axi import Axi4, Axi4Lite
from .reader import ReadMaster
from .writer import WriteMaster

__all__ = ["Axi4", "Axi4Lite", "ReadMaster", "WriteMaster"]
