"""Energy per action by node, from the CSVs beside this file, each figure with its range."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from math import isfinite, log
from pathlib import Path

from insitu.hdl.config import ConfigError, UserError

__all__ = ["NODES", "Figure", "Range", "Table", "read", "table"]

FOLDER = Path(__file__).parent
NODES = ("45nm", "7nm")
"""Processes that there are figures of."""
FREE = ("memory", "any")  # go with any node: a memory's own process, and shares
RANGES = ("source", "assumed", "interpolated")
TAGS = ("D", "2", "R", "X", "A")
COLUMNS = ["item", "node", "value", "low", "high", "bits", "range", "source", "tag"]
SIZES = {"sram 8KB": 8 << 10, "sram 32KB": 32 << 10, "sram 1MB": 1 << 20}


@dataclass(frozen=True)
class Range:
    """An energy in pJ, or a ratio: the least and the most that it may be, and the figure itself."""

    low: float = 0.0
    value: float = 0.0
    high: float = 0.0

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.value + other.value, self.high + other.high)

    def __mul__(self, count: float) -> "Range":
        return Range(self.low * count, self.value * count, self.high * count)


@dataclass(frozen=True)
class Figure:
    """What one access or operation of ``bits`` takes, in pJ.

    ``node``: of :data:`NODES`; "memory", a process of its own; or "any", a share without unit.
    ``range``: low and high are the ``source``'s, or assumed, or all of it is interpolated.
    ``tag``: D read in the source itself,
    2 in a public file that quotes it, R from memory, X measured, A assumed by this project.

    Raises
    ------
    ConfigError
        For a value that is no number above 0, a range that does not hold it, and unknown names.
    """

    item: str
    node: str
    value: float
    low: float
    high: float
    bits: int
    range: str
    source: str
    tag: str

    def __post_init__(self) -> None:
        where = f"energy.{self.node}.{self.item}"
        for name, choices in (("node", NODES + FREE), ("range", RANGES), ("tag", TAGS)):
            if (given := getattr(self, name)) not in choices:
                raise ConfigError(f"{where}.{name}", f"one of {', '.join(choices)}", given)
        for name, least, most in (
            ("value", 0.0, float("inf")),
            ("low", 0.0, self.value),
            ("high", self.value, float("inf")),
        ):
            given = getattr(self, name)
            if not isfinite(given) or not least <= given <= most or given <= 0:
                rule = "a number above 0" if name == "value" else f"{name}er than {self.value}"
                raise ConfigError(f"{where}.{name}", rule, given)
        if self.bits < 1:
            raise ConfigError(f"{where}.bits", "1 or more", self.bits)
        if not self.source:
            raise ConfigError(f"{where}.source", "told", self.source)

    @property
    def energy(self) -> Range:
        """Of one access or operation."""
        return Range(self.low, self.value, self.high)

    @property
    def per_bit(self) -> Range:
        """Of a bit of it."""
        return self.energy * (1 / self.bits)

    def part(self, share: "Figure") -> "Figure":
        """A share of it."""
        return replace(
            self,
            item=f"{self.item}, {share.item}",
            value=self.value * share.value,
            low=self.low * share.low,
            high=self.high * share.high,
            source=f"{self.source}; {share.source}",
        )


def read(path: Path) -> dict[str, Figure]:
    """Figures of a CSV by item; lines that begin with # are comments.

    Raises :class:`UserError`, one line with file, field, rule and value, for anything unknown.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        if rows.fieldnames != COLUMNS:
            raise UserError(f"{path.name}: must have columns {', '.join(COLUMNS)}")
        found: dict[str, Figure] = {}
        for row in rows:
            item = row["item"]
            numbers = {}
            for name in ("value", "low", "high", "bits"):
                try:
                    numbers[name] = (int if name == "bits" else float)(row[name])
                except (TypeError, ValueError):
                    rule = "an integer" if name == "bits" else "a number"
                    raise ConfigError(f"{path.name}.{item}.{name}", rule, row[name]) from None
            if item in found:
                raise ConfigError(f"{path.name}.item", "there once", item)
            found[item] = Figure(**{**row, **numbers})  # type: ignore[arg-type]
    return found


@dataclass(frozen=True)
class Table:
    """Figures that go together: those of ``node``, memories' own, and shares."""

    node: str
    figures: dict[str, Figure]

    def __getitem__(self, item: str) -> Figure:
        if item not in self.figures:
            if others := [node for node in NODES if item in _of(node)]:
                raise ConfigError(f"energy.{item}.node", self.node, others[0])
            raise ConfigError("energy.item", f"one of {', '.join(self.figures)}", item)
        return self.figures[item]

    @property
    def pools(self) -> list[str]:
        """Memories that the outermost level can be, the dearest access first."""
        names = ["dram", "ddr4", "lpddr4", "gddr6", "hbm2", "hbm2 device", "hbm3"]
        return [n for n in [*names, *reversed(SIZES)] if n in self.figures]

    def sram(self, size: int) -> Figure:
        """An access to an on-chip RAM of ``size`` bytes.

        At a size of the table its figure. Between two, as its item and range tell, on a straight
        line of the logarithms of size and energy, from the low of the smaller to the high of the
        larger one. Below the smallest its value, its low end that of a register file (Eyeriss).
        Above the largest one it is refused.
        """
        points = sorted(SIZES.items(), key=lambda point: point[1])
        below = [name for name, at in points if at <= size]
        above = [name for name, at in points if at >= size]
        if not above:
            raise ConfigError("energy.sram", f"of at most {points[-1][1]} bytes", size)
        upper = self[above[0]]
        if above[0] in below:
            return upper
        if not below:
            return self[above[0]].part(self["below 8KB"])
        lower = self[below[-1]]
        (start, end) = (SIZES[x.item] for x in (lower, upper))
        place = log(size / start) / log(end / start)
        return replace(
            upper,
            item=f"sram {size} B, between {start >> 10} and {end >> 10} KB",
            value=lower.value * (upper.value / lower.value) ** place,
            low=lower.low,
            range="interpolated",
        )

    def mul(self, a_bits: int, b_bits: int) -> Figure:
        """A product of integers of any widths.

        Of 8 by 8 and 32 by 32 bits its figure. Else, as its item and range tell, on the straight
        line of the logarithms of energy and of the product of the widths through both. Its range
        holds energies in proportion to that product as well, from either figure.
        """
        size = a_bits * b_bits
        small, large = self["mul int8"], self["mul int32"]
        for figure in (small, large):
            if size == figure.bits**2:
                return figure
        place = log(size / small.bits**2) / log(large.bits**2 / small.bits**2)
        value = small.value * (large.value / small.value) ** place
        ends = [
            end * size / figure.bits**2
            for figure in (small, large)
            for end in (figure.low, figure.high)
        ]
        ends += [value * end / small.value for end in (small.low, small.high)]
        return replace(
            small,
            item=f"mul {a_bits} by {b_bits} bits, by int8 and int32",
            value=value,
            low=min(ends),
            high=max(ends),
            bits=max(a_bits, b_bits),
            range="interpolated",
        )

    def add(self, bits: int) -> Figure:
        """An addition to a sum of ``bits``: in proportion to its width, from that of int32."""
        whole = self["add int32"]
        if bits == whole.bits:
            return whole
        share = bits / whole.bits
        return replace(
            whole,
            item=f"add {bits} bits, by int32",
            value=whole.value * share,
            low=whole.low * share,
            high=whole.high * share,
            bits=bits,
            range="interpolated",
        )

    def one_node(self, figures: Iterable[Figure]) -> None:
        """Refuse figures of another node."""
        for figure in figures:
            if figure.node not in (self.node, *FREE):
                raise ConfigError(f"energy.{figure.item}.node", self.node, figure.node)


@cache
def _of(name: str) -> dict[str, Figure]:
    found = read(FOLDER / f"{name}.csv")
    for figure in found.values():
        expected = "any" if name == "shares" else name
        if figure.node != expected:
            raise ConfigError(f"{name}.csv.{figure.item}.node", expected, figure.node)
    return found


@cache
def table(node: str) -> Table:
    """The table of ``node``; ``ConfigError`` if there is none."""
    if node not in NODES:
        raise ConfigError("energy.node", f"one of {', '.join(NODES)}", node)
    return Table(node, {**_of(node), **_of("memory"), **_of("shares")})
