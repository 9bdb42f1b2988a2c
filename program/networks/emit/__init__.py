"""A network in C, for software beside the machine: ``docs/examples/driver.c`` runs its products."""

from .emitter import Emitter
from .sources import Call, Emitted

__all__ = ["Call", "Emitted", "Emitter"]
