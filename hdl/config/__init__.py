"""Configuration: the one source of every size, width and latency.

A configuration is a TOML file read into frozen dataclasses. Hardware, golden model, timing model,
reports and documentation all take their figures from the properties here.
"""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..formats import Interval, IntFormat
from .array import ArrayConfig
from .cim import CimConfig
from .compact import CompactConfig
from .fields import ConfigError, UserError, named_file, section, unknown
from .machine import MachineConfig
from .near import InbankConfig, MeshConfig, NearConfig
from .simd import SIMD_FIXED, SimdConfig

__all__ = [
    "ArrayConfig",
    "CimConfig",
    "CompactConfig",
    "Config",
    "ConfigError",
    "InbankConfig",
    "IntFormat",
    "Interval",
    "MachineConfig",
    "MeshConfig",
    "NearConfig",
    "SimdConfig",
    "UserError",
    "config_names",
    "load",
]

CORES: dict[str, tuple[str, type]] = {
    "array": ("systolic", ArrayConfig),
    "cim": ("tile", CimConfig),
    "mesh": ("near", MeshConfig),
    "inbank": ("near", InbankConfig),
    "simd": ("simd", SimdConfig),
}
"""Tables of what computes: field of :class:`Config`, and its kind."""
CONFIG_DIR = Path(__file__).resolve().parent.parent.parent / "configs"


@dataclass(frozen=True)
class Config:
    """A whole configuration: ``name`` and a section for each part that it has.

    One section of what computes; ``machine`` or ``small``, if there is one, is around it. Raises
    :class:`ConfigError` otherwise.
    """

    name: str
    systolic: ArrayConfig | None = None
    machine: MachineConfig | None = None
    tile: CimConfig | None = None
    near: NearConfig | None = None
    simd: SimdConfig | None = None
    small: CompactConfig | None = None

    def __post_init__(self) -> None:
        places: dict[str, tuple[type, ...]] = {}
        for place, kind in CORES.values():
            places[place] = (*places.get(place, ()), kind)
        given = {place for place in places if getattr(self, place) is not None}
        if len(given) != 1:
            rule = f"with one of {', '.join(places)}"
            raise ConfigError("config", rule, ", ".join(sorted(given)) or None)
        sections = places | {"machine": (MachineConfig,), "small": (CompactConfig,)}
        for name, kinds in sections.items():
            part = getattr(self, name)
            if part is not None and type(part) not in kinds:
                rule = f"a {' or '.join(kind.__name__ for kind in kinds)}"
                raise ConfigError(f"config.{name}", rule, part)
        for name in ("machine", "small"):
            part = getattr(self, name)
            if part is not None and part.array != self.core:
                rule = f"around the configuration's own {self.core.table}"
                raise ConfigError(f"config.{name}", rule, part.array)
        if self.machine and self.small:
            raise ConfigError("config.small", "left out beside a machine", "one")

    @property
    def array(self) -> ArrayConfig:
        """The systolic array; ``UserError`` if the configuration has none."""
        if self.systolic is None:
            raise UserError(f"CONFIG: must have a table [array] for this, not {self.name}")
        return self.systolic

    @property
    def cim(self) -> CimConfig:
        """The compute-in-memory tile; ``UserError`` if the configuration has none."""
        if self.tile is None:
            raise UserError(f"CONFIG: must have a table [cim] for this, not {self.name}")
        return self.tile

    @property
    def core(self) -> ArrayConfig | CimConfig | NearConfig:
        """What computes, of whatever kind."""
        return self.systolic or self.near or self.simd or self.cim

    @property
    def target(self) -> str:
        """Device family that it is for."""
        return self.core.target

    def retarget(self, target: str) -> "Config":
        """The same architecture for another device family.

        DSP instances become a plain ``*`` where ``target`` is ``generic``, and the other way round.
        Raises :class:`ConfigError` if the family cannot do it.
        """
        if target == self.target:
            return self
        core = self.core
        new: dict[str, Any] = {"target": target}
        if not isinstance(core, CimConfig) and core.multiplier != "lut":
            new["multiplier"] = "inferred" if target == "generic" else "dsp"
        core = replace(core, **new)
        given: dict[str, Any] = {CORES[core.table][0]: core}
        for name in ("machine", "small"):
            if (part := getattr(self, name)) is not None:
                given[name] = replace(part, array=core)
        return replace(self, **given)

    @property
    def shell(self) -> MachineConfig:
        """``machine``; ``UserError`` if the configuration has none."""
        if self.machine is None:
            raise UserError(f"CONFIG: must have a table [machine] for this, not {self.name}")
        return self.machine

    @property
    def compact(self) -> CompactConfig:
        """The compact machine; ``UserError`` if the configuration has none."""
        if self.small is None:
            raise UserError(f"CONFIG: must have a table [compact] for this, not {self.name}")
        return self.small

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that change with any value but the name."""
        values = asdict(self)
        del values["name"]
        values["array"] = values.pop("systolic")
        for name in ("tile", "near", "simd", "small"):
            if values[name] is None:
                del values[name]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]


def config_names() -> list[str]:
    """Names of the configurations that come with the project."""
    return sorted(path.stem for path in CONFIG_DIR.glob("*.toml"))


def load(name: str | Path, target: str | None = None) -> Config:
    """Read configuration ``name`` of ``configs/``, or the TOML file at path ``name``.

    ``target``, if given, replaces the device family, see :meth:`Config.retarget`; where that
    changes anything the name says so, as reports are kept by name.

    Raises :class:`ConfigError` if there is no such file, if it is not TOML, and for every unknown
    key and bad value in it.
    """
    path = named_file("CONFIG", name, ".toml", CONFIG_DIR)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: must be valid TOML: {error}") from None
    except RecursionError:
        raise UserError(f"{path}: must be valid TOML, not nested that deep") from None
    known = [*CORES, "machine", "compact"]
    for key in table:
        if key not in known:
            rule = f"the tables {', '.join(f'[{x}]' for x in known)}"
            raise unknown(key, rule, known, table[key])
    names = [name for name in CORES if name in table]
    if len(names) != 1:
        tables, found = (", ".join(f"[{x}]" for x in some) for some in (CORES, names))
        raise UserError(f"{path}: must have one of the tables {tables}, not {found or 'none'}")
    given: dict[str, Any] = dict.fromkeys(("systolic", "machine", "tile", "near", "simd", "small"))
    given["name"] = path.stem
    place, kind = CORES[names[0]]
    fixed: dict[str, Any] = SIMD_FIXED if kind is SimdConfig else {}
    array = given[place] = section(kind, table.pop(names[0]), names[0], **fixed)
    if "machine" in table:
        given["machine"] = section(MachineConfig, table.pop("machine"), "machine", array=array)
    if "compact" in table:
        if given["systolic"] is None or given["machine"]:
            raise UserError(f"{path}: must have [array] and no [machine] beside [compact]")
        given["small"] = section(
            CompactConfig, table.pop("compact"), "compact", array=given["systolic"]
        )
    config = Config(**given)
    if target is not None and target != config.target:
        config = replace(config.retarget(target), name=f"{config.name}-{target}")
    return config
