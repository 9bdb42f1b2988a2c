"""What energy needs of a standard cell, in SI units."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cell", "Floats", "Pin", "Power", "Table"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Energy or time by input slew and output load; an axis of one entry does not matter."""

    slews: Floats
    loads: Floats
    values: Floats

    @staticmethod
    def scalar(value: float) -> "Table":
        """The same everywhere."""
        return Table(np.zeros(1), np.zeros(1), np.full((1, 1), value))

    def at(self, slew: Floats, load: Floats) -> Floats:
        """Bilinear; beyond its ends a table goes on as between its last two entries."""

        def place(axis: Floats, x: Floats) -> tuple[NDArray[np.intp], Floats]:
            if len(axis) == 1:
                return np.zeros(len(x), np.intp), np.zeros(len(x))
            low = np.clip(np.searchsorted(axis, x) - 1, 0, len(axis) - 2)
            return low, (x - axis[low]) / (axis[low + 1] - axis[low])

        (i, u), (j, v) = place(self.slews, slew), place(self.loads, load)
        i1 = np.minimum(i + 1, len(self.slews) - 1)
        j1 = np.minimum(j + 1, len(self.loads) - 1)
        t = self.values
        return (1 - u) * ((1 - v) * t[i, j] + v * t[i, j1]) + u * (
            (1 - v) * t[i1, j] + v * t[i1, j1]
        )


@dataclass(frozen=True)
class Power:
    """Internal energy in joules of a pin's transition, if ``when`` holds.

    ``related`` is the input that causes that of an output, empty for an input's own. An empty
    ``when`` beside others holds where none of them does.
    """

    pin: str
    related: str
    when: str
    rise: tuple[Table, ...]
    fall: tuple[Table, ...]


@dataclass(frozen=True)
class Pin:
    """A signal pin; ``capacitance`` in farad, while it rises and while it falls."""

    name: str
    is_input: bool
    capacitance: tuple[float, float]
    function: str
    slews: tuple[Table, ...]


@dataclass(frozen=True)
class Cell:
    """A cell: ``leakage`` are (condition, watts), ``""`` the one where no other holds.

    ``clock``, ``next_state`` and ``states`` (its two names) are those of a flip-flop, else empty.
    ``tied``: expressions of its asynchronous clear and preset, which must never hold. ``refused``:
    why it cannot be simulated, if so. ``where``: file and line.
    """

    name: str
    area: float
    pins: tuple[Pin, ...]
    powers: tuple[Power, ...]
    leakage: tuple[tuple[str, float], ...]
    is_flop: bool = False
    clock: str = ""
    next_state: str = ""
    states: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    refused: str = ""
    where: str = ""

    def of(self, *, inputs: bool) -> list[Pin]:
        """Inputs or outputs."""
        return [pin for pin in self.pins if pin.is_input == inputs]
