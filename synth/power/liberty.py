"""Reads Liberty files: what energy needs of each cell, and nothing else.

A library may be several files, plain or gzip. Cells are parsed when they are asked for, as a file
has hundreds and a netlist uses a few dozen. Values come in SI units.
"""

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdl.config import UserError

from .groups import Group, parse

__all__ = ["Cell", "Library", "Pin", "Power", "Table"]

Floats = NDArray[np.float64]
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BRACE = re.compile(r'"[^"]*"|[{}]')
_HEAD = re.compile(r'([A-Za-z_]\w*)\s*\(\s*"?([^"()]*?)"?\s*\)\s*$')
_PREFIX = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
# Groups at a library's level that are read besides cells.
_TEMPLATES = ("power_lut_template", "lu_table_template", "operating_conditions")


def _numbers(values: Sequence[str]) -> Floats:
    return np.array([float(x) for value in values for x in value.replace(",", " ").split()])


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
    why it cannot be simulated, if so.
    """

    name: str
    area: float
    pins: tuple[Pin, ...]
    powers: tuple[Power, ...]
    leakage: tuple[tuple[str, float], ...]
    clock: str = ""
    next_state: str = ""
    states: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    refused: str = ""


class Library:
    """A standard-cell library.

    Parameters
    ----------
    paths : sequence of Path
        Liberty files that are one library; units may differ from file to file.

    Raises
    ------
    UserError
        If a file is missing or is no Liberty.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.files = [_File(path) for path in paths]
        if not self.files:
            raise UserError("LIBERTY: must name a Liberty file")
        self._where = {name: file for file in self.files for name in file.cells}
        self._cells: dict[str, Cell] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def cell(self, name: str) -> Cell:
        """Cell ``name``, which the library has."""
        if name not in self._cells:
            self._cells[name] = self._where[name].cell(name)
        return self._cells[name]

    @property
    def name(self) -> str:
        """Names of the files' libraries."""
        return " + ".join(file.name for file in self.files)

    @property
    def voltage(self) -> float:
        """Supply in volt."""
        return self.files[0].voltage

    @property
    def corner(self) -> str:
        """Supply and temperature."""
        return f"{self.voltage:g} V, {self.files[0].temperature:g} °C"


class _File:
    """One Liberty file."""

    def __init__(self, path: Path) -> None:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        text = raw.decode("utf-8", "replace")
        text = _COMMENT.sub(" ", text.replace("\\\r\n", " ").replace("\\\n", " "))
        self.text = text
        self.cells: dict[str, tuple[int, int]] = {}
        head = []
        last = 0
        for kind, name, start, end in self._groups():
            if kind == "cell":
                self.cells[name] = (start, end)
                head.append(text[last:start])
                last = end
        head.append(text[last:])
        if not self.cells:
            raise UserError(f"LIBERTY: must have cells, not {path.name}")
        top = parse("".join(head))
        if not top.of("library"):
            raise UserError(f"LIBERTY: must be a Liberty file, not {path.name}")
        self._library = top.of("library")[0]
        self._template = {
            group.args[0]: group for group in self._library.groups if group.kind in _TEMPLATES
        }

    def _groups(self) -> Iterator[tuple[str, str, int, int]]:
        """Groups just inside the library: kind, name, start, end."""
        depth, start, found = 0, 0, None
        for match in _BRACE.finditer(self.text):
            mark = match[0]
            if mark == "{":
                if depth == 1:
                    head = self.text[max(0, match.start() - 300) : match.start()]
                    found = _HEAD.search(head)
                    start = match.start() - len(head) + found.start() if found else match.start()
                depth += 1
            elif mark == "}":
                depth -= 1
                if depth == 1 and found:
                    yield found[1], found[2], start, match.end()

    @property
    def name(self) -> str:
        return self._library.args[0]

    def _unit(self, name: str, default: str) -> float:
        value = self._library.get(name, default).strip()
        match = re.fullmatch(r"([\d.eE+-]+)\s*([munpf]?)[a-zA-Z]+", value)
        if match is None:
            raise UserError(f"LIBERTY: {name}: must be a number and a unit, not {value!r}")
        return float(match[1]) * _PREFIX[match[2]]

    @cached_property
    def farad(self) -> float:
        """Unit of capacitance."""
        number, unit = self._library.attributes.get("capacitive_load_unit", ["1", "pf"])
        return float(number) * _PREFIX[unit.strip().lower()[:-1]]

    @cached_property
    def second(self) -> float:
        """Unit of time."""
        return self._unit("time_unit", "1ns")

    @cached_property
    def watt(self) -> float:
        """Unit of leakage."""
        return self._unit("leakage_power_unit", "1nW")

    @cached_property
    def joule(self) -> float:
        """Unit of internal energy: that of capacitance times voltage squared."""
        return self.farad * self._unit("voltage_unit", "1V") ** 2

    @property
    def _corner(self) -> Group:
        chosen = self._library.get("default_operating_conditions")
        return self._template.get(chosen, self._library)

    @property
    def voltage(self) -> float:
        return float(self._corner.get("voltage") or self._library.get("nom_voltage", "0"))

    @property
    def temperature(self) -> float:
        return float(self._corner.get("temperature") or self._library.get("nom_temperature", "25"))

    def _table(self, group: Group, unit: float) -> Table:
        template = self._template.get(group.args[0] if group.args else "", Group("", []))

        def axis(n: int) -> Floats:
            own = group.attributes.get(f"index_{n}") or template.attributes.get(f"index_{n}")
            return _numbers(own) if own else np.zeros(1)

        values = _numbers(group.attributes["values"]) * unit
        names = [template.get(f"variable_{n}") for n in (1, 2)]
        if len(values) == 1:
            return Table.scalar(float(values[0]))
        first, second = axis(1), axis(2)
        grid = values.reshape(len(first), len(second))
        if "capacitance" in names[0]:
            first, second, grid = second, first, grid.T
        return Table(first * self.second, second * self.farad, grid)

    def _powers(self, pin: Group, grounds: set[str]) -> Iterator[Power]:
        """Tables of ground pins are left out: their current is the supplies' once more."""
        for group in pin.of("internal_power"):
            if group.get("related_pg_pin") in grounds:
                continue
            related = group.get("related_pin").split()
            rise = tuple(self._table(x, self.joule) for x in group.of("rise_power"))
            fall = tuple(self._table(x, self.joule) for x in group.of("fall_power"))
            both = tuple(self._table(x, self.joule) for x in group.of("power"))
            for name in related or [""]:
                when = group.get("when")
                yield Power(pin.args[0], name, when, rise or both, fall or both)

    def cell(self, name: str) -> Cell:
        """Parse a cell."""
        start, end = self.cells[name]
        (group,) = parse(self.text[start:end]).groups
        pins: list[Pin] = []
        powers: list[Power] = []
        grounds = {
            pin.args[0] for pin in group.of("pg_pin") if pin.get("pg_type") == "primary_ground"
        }
        for pin in group.of("pin"):
            direction = pin.get("direction")
            if direction not in ("input", "output"):
                continue
            either = pin.get("capacitance", "0")
            rise, fall = (
                float(pin.get(f"{edge}_capacitance") or either) * self.farad
                for edge in ("rise", "fall")
            )
            slews = [
                self._table(table, self.second)
                for timing in pin.of("timing")
                for kind in ("rise_transition", "fall_transition")
                for table in timing.of(kind)
            ]
            pins.append(
                Pin(
                    pin.args[0],
                    direction == "input",
                    (rise, fall),
                    pin.get("function"),
                    tuple(slews),
                )
            )
            powers += _merged(self._powers(pin, grounds))
        leakage: dict[str, float] = {}
        for leak in group.of("leakage_power"):
            if leak.get("related_pg_pin") in grounds:
                continue
            when = leak.get("when")
            leakage[when] = leakage.get(when, 0.0) + float(leak.get("value")) * self.watt
        if "" not in leakage and group.get("cell_leakage_power"):
            leakage[""] = float(group.get("cell_leakage_power")) * self.watt
        flops = group.of("ff")
        refused = ""
        if group.of("latch") or group.of("statetable") or group.of("ff_bank"):
            refused = "is a latch or a clock gate"
        elif flops and not re.fullmatch(r"\(?\w+\)?", flops[0].get("clocked_on")):
            refused = "is not clocked by a pin's rising edge"
        tied = [x.get(name) for x in flops for name in ("clear", "preset") if x.get(name)]
        known = {} if not flops else {
            "clock": flops[0].get("clocked_on").strip("()"),
            "next_state": flops[0].get("next_state"),
        }  # fmt: skip
        states = tuple(flops[0].args) if flops else ()
        area = float(group.get("area", "0"))
        return Cell(
            name, area, tuple(pins), tuple(powers), tuple(leakage.items()), states=states,
            tied=tuple(tied), refused=refused, **known,
        )  # fmt: skip


def _merged(powers: Iterator[Power]) -> list[Power]:
    """One entry per condition: tables of several supplies add up."""
    found: dict[tuple[str, str], Power] = {}
    for power in powers:
        key = power.related, power.when
        if key in found:
            old = found[key]
            power = replace(old, rise=old.rise + power.rise, fall=old.fall + power.fall)
        found[key] = power
    return list(found.values())
