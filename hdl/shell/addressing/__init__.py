"""How the shell fetches operands and places C: by rows of blocks, or by element.

A machine has the one that its core's configuration names, see
:mod:`insitu.hdl.config.addressing`.
"""

from typing import Any

from ...config import MachineConfig
from ...config.addressing import ByElement, ByRows
from .base import Addressing
from .element import ElementAddressing
from .rows import RowAddressing

__all__ = ["Addressing", "addressing"]

_HARDWARE: dict[type, Any] = {ByRows: RowAddressing, ByElement: ElementAddressing}


def addressing(config: MachineConfig) -> Addressing:
    """That of a machine."""
    found: Addressing = _HARDWARE[type(config.array.addressing)](config)
    return found
