"""What a Liberty file says of all its cells: units, supply, templates of tables, defaults."""

import re
from functools import cached_property

import numpy as np

from .cells import Floats, Table
from .groups import Group

__all__ = ["Header"]

_TEMPLATES = ("lu_table_template", "power_lut_template")
_PREFIX = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


class Header:
    """Of group ``library``; ``UserError`` for a unit or a supply that is not told."""

    def __init__(self, library: Group) -> None:
        self._library = library
        self._templates = {
            (group.kind, group.name): group for kind in _TEMPLATES for group in library.of(kind)
        }
        _ = self.second, self.watt, self.joule, self.voltage

    def default(self, name: str) -> float | None:
        """What cells have that tell nothing of their own, if so."""
        return self._library.number(f"default_{name}", 0)

    @property
    def name(self) -> str:
        return (self._library.args or [self._library.source.name])[0]

    def _unit(self, name: str, unit: str) -> float:
        """A unit, which must be there: a default would be a figure that is wrong without a word."""
        given = "".join(self._library.attributes.get(name, []))
        if unit == "f":  # in capitals as well: there is no other prefix of such a letter
            given = given.lower()
        match = re.fullmatch(rf"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?)\s*([munpf]?)(?i:{unit})\s*", given)
        if match is None or not float(match[1]) > 0:
            rule = f"a number and a unit, such as 1n{unit}"
            raise self._library.error(name, rule, given or None)
        return float(match[1]) * _PREFIX[match[2]]

    @cached_property
    def farad(self) -> float:
        """Unit of capacitance."""
        return self._unit("capacitive_load_unit", "f")

    @cached_property
    def second(self) -> float:
        """Unit of time."""
        return self._unit("time_unit", "s")

    @cached_property
    def watt(self) -> float:
        """Unit of leakage."""
        return self._unit("leakage_power_unit", "W")

    @cached_property
    def joule(self) -> float:
        """Unit of internal energy: that of capacitance times voltage squared."""
        return self.farad * self._volt**2

    @cached_property
    def _volt(self) -> float:
        return self._unit("voltage_unit", "V")

    @cached_property
    def _conditions(self) -> Group | None:
        """Those that are the default."""
        name = "default_operating_conditions"
        every = {group.name: group for group in self._library.of("operating_conditions")}
        if (chosen := self._library.get(name)) and chosen not in every:
            rule = f"operating_conditions of the library ({', '.join(every) or 'there are none'})"
            raise self._library.error(name, rule, chosen)
        return every.get(chosen)

    @cached_property
    def voltage(self) -> float:
        """Supply in volt: of the default operating conditions, else ``nom_voltage``, else the one
        that all ``operating_conditions`` have, or all supplies of ``voltage_map``."""
        library = self._library
        places = [(self._conditions, "voltage"), (library, "nom_voltage")]
        places += [(group, "voltage") for group in library.of("operating_conditions")]
        found = []
        for group, name in places:
            value = group.number(name) if group else None
            if group and value is not None:
                if value <= 0:
                    raise group.error(name, "a number above 0", group.get(name))
                found.append(value)
                if name == "nom_voltage" or group is self._conditions:
                    break
        if not found and "voltage_map" in library.attributes:
            found = [x for x in library.numbers("voltage_map", step=2) if x > 0]
        if len(set(found)) != 1:
            shown = " and ".join(f"{x:g}" for x in dict.fromkeys(found)) or None
            raise library.error("nom_voltage", "the supply, where nothing else tells one", shown)
        return found[0] * self._volt

    @cached_property
    def temperature(self) -> float | None:
        """In °C, ``None`` if it is not told."""
        chosen = self._conditions.number("temperature") if self._conditions else None
        return self._library.number("nom_temperature") if chosen is None else chosen

    def table(self, group: Group, unit: float, kind: str) -> Table:
        """A table of values in ``unit``, its axes its own or those of a template of ``kind``."""
        name = group.args[0] if group.args else ""
        kinds = sorted(_TEMPLATES, key=lambda other: other != kind)  # its own come first
        there = [self._templates[x, name] for x in kinds if (x, name) in self._templates]
        template = there[0] if there else None
        values = np.array(group.numbers("values")) * unit
        if len(values) == 1:
            return Table.scalar(float(values[0]))

        def axis(n: int) -> Floats:
            index = f"index_{n}"
            owner = group if index in group.attributes else template
            if owner is None or index not in owner.attributes:
                if n == 1:
                    rule = f"given, or in a {kind} of the table's name"
                    raise group.error(index, rule, None if template else name or None)
                return np.zeros(1)
            found = np.array(owner.numbers(index))
            if not len(found) or (np.diff(found) <= 0).any():
                raise owner.error(index, "numbers that rise", " ".join(owner.attributes[index]))
            return found

        first, second = axis(1), axis(2)
        if len(values) != len(first) * len(second):
            rule = f"{len(first)} · {len(second)} numbers, as the indices have"
            raise group.error("values", rule, len(values))
        grid = values.reshape(len(first), len(second))
        if template is not None and "capacitance" in template.get("variable_1"):
            first, second, grid = second, first, grid.T
        return Table(first * self.second, second * self.farad, grid)
