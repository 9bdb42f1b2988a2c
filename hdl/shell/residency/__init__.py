"""Where B is while a job needs it: fetched whenever it is used, or resident in an engine's banks.

A machine has the one that follows from its core's ``banks`` and ``bank_port``.
"""

from ...config import MachineConfig
from .banked import Banked
from .fetched import Fetched
from .ported import Ported

__all__ = ["Fetched", "residency"]


def residency(config: MachineConfig) -> Fetched:
    """That of a machine."""
    if not config.array.banks:
        return Fetched(config)
    return Ported(config) if config.array.bank_port else Banked(config)
