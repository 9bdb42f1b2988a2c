"""All kinds of engines.

A new one is a folder, a :class:`~insitu.hdl.engines.kind.Kind`, and a line here.
"""

from typing import Any

from ..config import UserError
from ..config.plugins import parts
from . import cim, near, simd, systolic
from .kind import Kind

__all__ = ["kind_of", "kinds", "register"]

_KINDS: list[Kind] = []
_plugged: set[str] = set()


def _all() -> list[Kind]:
    """Those of the project, then those of plug-ins, which are asked for once."""
    for module in parts("engine"):
        if module.__name__ not in _plugged:
            _plugged.add(module.__name__)
            for kind in module.KINDS:
                register(kind)
    return _KINDS


def kinds() -> tuple[Kind, ...]:
    """Those that there are, in the order of the ladder: from operands that are fetched for every
    product to weights that never move, then those from elsewhere."""
    return tuple(_all())


def register(kind: Kind) -> None:
    """Add ``kind``, from wherever it is; ``ValueError`` if its name or its number is taken."""
    for other in _KINDS:
        if kind.name == other.name or kind.number == other.number:
            raise ValueError(f"{kind.name}, {kind.number}: must not be taken, {other.name} has one")
    _KINDS.append(kind)


def kind_of(core: Any) -> Kind:
    """The kind of a core's configuration; ``UserError`` if no engine takes it."""
    for kind in _all():
        if type(core) is kind.core and kind.is_it(core):
            return kind
    raise UserError(f"array: must be of a kind that has an engine, not {type(core).__name__}")


for _kind in (*simd.KINDS, *systolic.KINDS, *near.KINDS, *cim.KINDS):
    register(_kind)
