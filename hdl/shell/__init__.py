"""What every machine shares."""

from .control import Control
from .registers import registers

__all__ = ["Control", "registers"]
