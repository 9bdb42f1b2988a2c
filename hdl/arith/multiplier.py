"""Which group of multipliers a configuration asks for."""

from ..config import ArrayConfig
from ..targets.ecp5 import ECP5Multipliers
from ..targets.ice40 import ICE40Multipliers
from ..targets.multipliers import InferredMultipliers, Multipliers
from .booth import BoothMultipliers

__all__ = ["Multipliers", "multipliers"]


def multipliers(config: ArrayConfig, cols: int) -> Multipliers:
    """The group that ``config.target`` and ``config.multiplier`` ask for."""
    if config.multiplier == "inferred":
        return InferredMultipliers(config, cols)
    if config.multiplier == "lut":
        return BoothMultipliers(config, cols)
    kind = {"ecp5": ECP5Multipliers, "ice40": ICE40Multipliers}[config.target]
    return kind(config, cols)
