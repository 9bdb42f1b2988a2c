"""What a machine's counters come to in pJ, level by level, as a sum that keeps its ranges."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .tables import Figure, Range, Table

__all__ = ["Bill", "Term", "difference", "flips", "ratio"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """``count`` accesses or operations of a figure, at a level of the machine."""

    level: str
    figure: Figure
    count: float

    @property
    def energy(self) -> Range:
        """In pJ."""
        return self.figure.energy * self.count


@dataclass(frozen=True)
class Bill:
    """Energy of a piece of work on a machine.

    ``uncharged``: counters for which there is no figure, by name, with what they counted.
    Raises :class:`~insitu.hdl.config.ConfigError` for figures of different nodes.
    """

    table: Table
    terms: tuple[Term, ...]
    uncharged: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        self.table.one_node(term.figure for term in self.terms)

    def __add__(self, other: "Bill") -> "Bill":
        uncharged = dict(self.uncharged)
        for name, count in other.uncharged:
            uncharged[name] = uncharged.get(name, 0) + count
        return Bill(self.table, self.terms + other.terms, tuple(uncharged.items()))

    @property
    def levels(self) -> dict[str, Range]:
        """pJ by level, in the order in which they came."""
        found: dict[str, Range] = {}
        for term in self.terms:
            found[term.level] = found.get(term.level, Range()) + term.energy
        return found

    @property
    def total(self) -> Range:
        """pJ of all levels."""
        return sum((term.energy for term in self.terms), Range())


def _forms(bills: Sequence[Bill]) -> tuple[Floats, Floats, Floats, Floats]:
    """Counts by bill and figure; low, value and high by figure."""
    figures = list(dict.fromkeys(term.figure for bill in bills for term in bill.terms))
    for bill in bills:
        bill.table.one_node(figures)
    counts = np.zeros((len(bills), len(figures)))
    for row, bill in zip(counts, bills, strict=True):
        for term in bill.terms:
            row[figures.index(term.figure)] += term.count
    low, value, high = np.array([(f.low, f.value, f.high) for f in figures]).reshape(-1, 3).T
    return counts, low, value, high


def difference(a: Bill, b: Bill) -> Range:
    """``a`` − ``b`` in pJ. A figure that both have is the same in both, wherever in its range."""
    counts, low, value, high = _forms([a, b])
    net = counts[0] - counts[1]
    least = net @ np.where(net > 0, low, high)
    return Range(float(least), float(net @ value), float(net @ np.where(net > 0, high, low)))


def ratio(a: Bill, b: Bill) -> Range:
    """``a`` / ``b``, each figure the same in both (Dinkelbach's iteration, exact at its end)."""
    counts, low, value, high = _forms([a, b])

    def extreme(sign: int) -> float:
        at, last = float(counts[0] @ value / (counts[1] @ value)), None
        while at != last:
            net = sign * (counts[0] - at * counts[1])
            point = np.where(net > 0, high, low)
            found = float(counts[0] @ point / (counts[1] @ point))
            at, last = (found if sign * (found - at) > 0 else at), at
        return at

    return Range(extreme(-1), float(counts[0] @ value / (counts[1] @ value)), extreme(1))


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((a, b) for n, a in enumerate(names) for b in names[n + 1 :])


def flips(bills: dict[str, Bill]) -> list[tuple[str, str]]:
    """Pairs of which the first takes less by the figures, but not everywhere in their ranges."""
    order: Iterable[str] = sorted(bills, key=lambda name: bills[name].total.value)
    return [(a, b) for a, b in _pairs(list(order)) if difference(bills[b], bills[a]).low <= 0]
