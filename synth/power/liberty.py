"""Reads Liberty files: what energy needs of each cell, and nothing else.

A library may be several files, plain or gzip. Values come in SI units. Whatever cannot be read is
refused in one line with file and line.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from insitu.hdl.config import UserError

from .cells import Cell, Pin, Power
from .groups import Group, Source, parse
from .header import Header

__all__ = ["Library"]

_BRACE = re.compile(r'"[^"]*"|[{}"]')
_HEAD = re.compile(r'([A-Za-z_]\w*)\s*\(\s*"?([^"()]*?)"?\s*\)\s*$')
_DIRECTIONS = ("input", "output", "inout", "internal")
_TIMES = {f"{a}_{b}" for a in ("rise", "fall") for b in ("transition", "constraint")}
_TIMES |= {"cell_rise", "cell_fall"}


class Library:
    """A standard-cell library.

    Parameters
    ----------
    paths : sequence of Path
        Liberty files that are one library; units may differ from file to file, the supply not.

    Raises
    ------
    UserError
        If a file is missing, is no Liberty, or does not go with the others.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.files = [_File(path) for path in paths]
        if not self.files:
            raise UserError("LIBERTY: must name a Liberty file")
        self._where: dict[str, _File] = {}
        for file in self.files:
            if file.header.voltage != self.voltage:
                raise UserError(
                    f"LIBERTY: {file.path.name}: must have the {self.voltage:g} V of "
                    f"{self.files[0].path.name}, not {file.header.voltage:g} V"
                )
            for name in file.cells:
                if name in self._where:
                    other = self._where[name].path.name
                    raise UserError(
                        f"LIBERTY: {file.path.name}: must have cells of its own, not {name}, "
                        f"which is in {other}"
                    )
                self._where[name] = file
        self._cells: dict[str, Cell] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def __iter__(self) -> Iterator[str]:
        """Names of all cells."""
        return iter(self._where)

    def cell(self, name: str) -> Cell:
        """Cell ``name``, which the library has."""
        if name not in self._cells:
            self._cells[name] = self._where[name].cell(name)
        return self._cells[name]

    @property
    def name(self) -> str:
        """Names of the files' libraries."""
        return " + ".join(file.header.name for file in self.files)

    @property
    def voltage(self) -> float:
        """Supply in volt."""
        return self.files[0].header.voltage

    @property
    def corner(self) -> str:
        """Supply, and temperature where it is told."""
        temperature = self.files[0].header.temperature
        return f"{self.voltage:g} V" + ("" if temperature is None else f", {temperature:g} °C")


class _File:
    """One Liberty file."""

    def __init__(self, path: Path) -> None:
        self.path, self.source = path, Source(path)
        self.cells: dict[str, tuple[int, int]] = {}
        head = []
        last = 0
        for kind, name, start, end in self._groups():
            if kind == "cell":
                if not name or name in self.cells:
                    line = self.source.line(start)
                    raise self.source.error(
                        line, f"cell: must have a name of its own, not {name!r}"
                    )
                self.cells[name] = (start, end)
                head.append((last, start))
                last = end
        head.append((last, len(self.source.text)))
        if not self.cells:
            raise UserError(f"LIBERTY: must have cells, not {path.name}")
        top = parse(self.source, head)
        if not top.of("library"):
            raise UserError(f"LIBERTY: must be a Liberty file, not {path.name}")
        self.header = Header(top.of("library")[0])

    def _groups(self) -> Iterator[tuple[str, str, int, int]]:
        """Groups just inside the library: kind, name, start, end. Refuses braces without another,
        and a string without an end."""
        begun: list[int] = []
        start, found = 0, None
        for match in _BRACE.finditer(self.source.text):
            mark, line = match[0], match.start()
            if mark == "{":
                if len(begun) == 1:
                    head = self.source.text[max(0, match.start() - 300) : match.start()]
                    found = _HEAD.search(head)
                    start = match.start() - len(head) + found.start() if found else match.start()
                begun.append(match.start())
            elif mark == "}":
                if not begun:
                    raise self.source.error(self.source.line(line), "must have a '{' to this '}'")
                begun.pop()
                if len(begun) == 1 and found:
                    yield found[1], found[2], start, match.end()
            elif mark == '"':
                raise self.source.error(self.source.line(line), "must have the end of a string")
        if begun:
            raise self.source.error(self.source.line(begun[-1]), "must have a '}' to this '{'")

    def _powers(self, pin: Group, name: str, grounds: set[str]) -> Iterator[Power]:
        """Tables of ground pins are left out: their current is the supplies' once more."""
        for group in pin.of("internal_power"):
            if group.get("related_pg_pin") in grounds:
                continue
            rise, fall, both = (
                tuple(
                    self.header.table(x, self.header.joule, "power_lut_template")
                    for x in group.of(kind)
                )
                for kind in ("rise_power", "fall_power", "power")
            )
            if not rise and not fall and not both:
                raise group.error("internal_power", "rise_power, fall_power or power", None)
            for related in group.get("related_pin").split() or [""]:
                yield Power(name, related, group.get("when"), rise or both, fall or both)

    def _capacitance(self, pin: Group, is_input: bool) -> tuple[float, float]:
        """For rise and fall; what an output has of its own is no load, as in OpenSTA."""
        if not is_input:
            return 0.0, 0.0
        either = pin.number("capacitance", 0)
        if either is None:
            either = self.header.default("input_pin_cap")
        found = []
        for edge in ("rise", "fall"):
            own = pin.number(f"{edge}_capacitance", 0)
            if own is None and either is None:
                raise pin.error("capacitance", "given, or default_input_pin_cap", None)
            found.append((either if own is None else own) or 0.0)
        return found[0] * self.header.farad, found[1] * self.header.farad

    def _pins(self, cell: Group, grounds: set[str]) -> Iterator[tuple[Pin, list[Power]]]:
        for group in cell.of("pin"):
            direction = group.get("direction")
            if direction not in _DIRECTIONS:
                raise group.error(
                    "direction", f"one of {', '.join(_DIRECTIONS)}", direction or None
                )
            if direction not in ("input", "output"):
                continue
            slews = []
            for timing in group.of("timing"):
                for table in timing.groups:
                    # ABC reads all of these, and is killed by one of a wrong size.
                    if table.kind in _TIMES:
                        times = self.header.table(table, self.header.second, "lu_table_template")
                        if table.kind.endswith("transition"):
                            slews.append(times)
            is_input = direction == "input"
            capacitance = self._capacitance(group, is_input)
            _ = group.name
            for name in group.args:
                pin = Pin(name, is_input, capacitance, group.get("function"), tuple(slews))
                yield pin, _merged(self._powers(group, name, grounds))

    def _leakage(self, cell: Group, area: float, grounds: set[str]) -> dict[str, float]:
        """Watts by condition; empty if the library has none."""
        found: dict[str, float] = {}
        for leak in cell.of("leakage_power"):
            if leak.get("related_pg_pin") in grounds:
                continue
            value = leak.number("value")
            if value is None:
                raise leak.error("value", "a number", None)
            when = leak.get("when")
            found[when] = found.get(when, 0.0) + value * self.header.watt
        if "" not in found:
            rest = cell.number("cell_leakage_power")
            if rest is None:
                rest = self.header.default("cell_leakage_power")
            if rest is None:
                density = self.header.default("leakage_power_density")
                rest = None if density is None else density * area
            if rest is not None:
                found[""] = rest * self.header.watt
        return found

    def cell(self, name: str) -> Cell:
        """Parse a cell."""
        found = parse(self.source, [self.cells[name]])
        if len(found.groups) != 1 or found.attributes:
            raise found.source.error(
                self.source.line(self.cells[name][0]), f"must be cell {name} alone"
            )
        group = found.groups[0]
        grounds = {pin.name for pin in group.of("pg_pin") if pin.get("pg_type") == "primary_ground"}
        flops = group.of("ff")
        refused = _refused(group, flops)
        area = group.number("area", 0)
        if area is None:
            if not refused:
                raise group.error("area", f"given in cell {name}", None)
            area = 0.0
        pins, powers = [], []
        for pin, its in self._pins(group, grounds):
            pins.append(pin)
            powers += its
        tied = [x.get(name) for x in flops for name in ("clear", "preset") if x.get(name)]
        known = {} if not flops else {
            "clock": flops[0].get("clocked_on").strip("() "),
            "next_state": flops[0].get("next_state"),
        }  # fmt: skip
        states = tuple(flops[0].args) if flops else ()
        leakage = self._leakage(group, area, grounds)
        return Cell(
            name, area, tuple(pins), tuple(powers), tuple(leakage.items()), states=states,
            tied=tuple(tied), refused=refused, is_flop=bool(flops),
            where=f"{self.path.name}:{group.line}", **known,
        )  # fmt: skip


def _refused(cell: Group, flops: Sequence[Group]) -> str:
    """Why a cell is neither a gate nor a flip-flop on a rising edge, if so."""
    directions = {pin.get("direction") for pin in cell.of("pin")}
    outputs = [pin for pin in cell.of("pin") if pin.get("direction") == "output"]
    for kinds, why in (
        (("latch", "statetable", "ff_bank", "latch_bank"), "is a latch or a clock gate"),
        (("bus", "bundle"), "has a bus"),
    ):
        if any(cell.of(kind) for kind in kinds):
            return why
    if flops and not re.fullmatch(r"\(?\s*\w+\s*\)?", flops[0].get("clocked_on")):
        return "is not clocked by a pin's rising edge"
    if "inout" in directions:
        return "has a pin of both directions"
    if any(pin.get("three_state") for pin in outputs):
        return "is a three-state driver"
    if not outputs or not all(pin.get("function") for pin in outputs):
        return "has no output, or one without a function"
    return ""


def _merged(powers: Iterable[Power]) -> list[Power]:
    """One entry per condition: tables of several supplies add up."""
    found: dict[tuple[str, str], Power] = {}
    for power in powers:
        key = power.related, power.when
        if key in found:
            old = found[key]
            power = replace(old, rise=old.rise + power.rise, fall=old.fall + power.fall)
        found[key] = power
    return list(found.values())
