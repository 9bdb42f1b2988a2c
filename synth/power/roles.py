"""What a library must have before a unit is mapped to its cells."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from insitu.hdl.config import UserError

from .cells import Cell
from .kinds import of_liberty
from .liberty import Library

__all__ = ["check"]


def _copies(cell: Cell, *, inverted: bool) -> bool:
    """Whether a cell hands its one input on."""
    if cell.is_flop or len(cell.of(inputs=True)) != 1 or len(cell.of(inputs=False)) != 1:
        return False
    (pin,) = cell.of(inputs=False)
    return bool(set("!'") & set(pin.function)) == inverted


# ABC stops with a segmentation fault without one of the first two.
ROLES: dict[str, Callable[[Cell], bool]] = {
    "an inverter": lambda cell: _copies(cell, inverted=True),
    "a buffer": lambda cell: _copies(cell, inverted=False),
    "a gate of two inputs": lambda cell: not cell.is_flop and len(cell.of(inputs=True)) == 2,
    "a flip-flop on a rising edge": lambda cell: cell.is_flop,
}


def check(library: Library, unused: Sequence[str]) -> None:
    """Every gate and flip-flop is one that can be simulated, and none is missing.

    ``unused``: patterns of cells that are passed over. Raises ``UserError``, one line.
    """
    names = [name for name in library if not any(fnmatchcase(name, one) for one in unused)]
    cells = [cell for name in names if not (cell := library.cell(name)).refused]
    for cell in cells:
        of_liberty(cell)
    files = ", ".join(file.path.name for file in library.files)
    for role, plays in ROLES.items():
        if not any(plays(cell) for cell in cells):
            shown = ", ".join(sorted(cell.name for cell in cells)[:6]) or "none that can be used"
            raise UserError(f"LIBERTY: {files}: must have {role}, not only {shown}")
