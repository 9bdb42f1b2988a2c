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
from .cores import core_types, register_core, table_of
from .fields import ConfigError, UserError, named_file, section, unknown
from .machine import MachineConfig
from .near import InbankConfig, MeshConfig, NearConfig
from .numbers import INTEGERS, number_of
from .plugins import plugin_files, plugins
from .simd import SimdConfig

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
    "core_types",
    "load",
    "register_core",
]

CONFIG_DIR = Path(__file__).resolve().parent.parent.parent / "configs"


@dataclass(frozen=True)
class Config:
    """A whole configuration: its ``name``, what computes, and what is around that, if anything.

    Parameters
    ----------
    name : str
    core : one of :func:`core_types`
    machine : MachineConfig or None
    small : CompactConfig or None
        A compact machine instead.

    Raises
    ------
    ConfigError
        For parts of the wrong kind, or that are not around ``core``.
    """

    name: str
    core: Any
    machine: MachineConfig | None = None
    small: CompactConfig | None = None

    def __post_init__(self) -> None:
        if table_of(self.core) is None:
            rule = f"of a table [{'], ['.join(core_types())}]"
            raise ConfigError("config.core", rule, self.core)
        for name, kind in (("machine", MachineConfig), ("small", CompactConfig)):
            part = getattr(self, name)
            if part is None:
                continue
            if type(part) is not kind:
                raise ConfigError(f"config.{name}", f"a {kind.__name__}", part)
            if part.array != self.core:
                rule = f"around the configuration's own {self.core.table}"
                raise ConfigError(f"config.{name}", rule, part.array)
        if self.machine and self.small:
            raise ConfigError("config.small", "left out beside a machine", "one")

    @property
    def array(self) -> ArrayConfig:
        """The systolic array; ``UserError`` if the configuration has none."""
        found: ArrayConfig = self.core_of(ArrayConfig)
        return found

    @property
    def cim(self) -> CimConfig:
        """The compute-in-memory tile; ``UserError`` if the configuration has none."""
        found: CimConfig = self.core_of(CimConfig)
        return found

    def core_of(self, *kinds: type) -> Any:
        """What computes, if it is of one of ``kinds``; ``UserError`` otherwise."""
        if type(self.core) not in kinds:
            tables = " or ".join(f"[{kind.table}]" for kind in kinds)  # type: ignore[attr-defined]
            raise UserError(f"CONFIG: must have a table {tables} for this, not {self.name}")
        return self.core

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
        if getattr(core, "multiplier", "lut") != "lut":
            new["multiplier"] = "inferred" if target == "generic" else "dsp"
        core = replace(core, **new)
        given: dict[str, Any] = {"core": core}
        for name in ("machine", "small"):
            if (part := getattr(self, name)) is not None:
                given[name] = replace(part, array=core)
        return replace(self, **given)

    def need_integers(self, what: str) -> None:
        """``UserError`` unless formats are of integers, which ``what`` needs."""
        if number_of(self.core) is not INTEGERS:
            formats = f"{self.core.a_format} and {self.core.b_format}"
            raise UserError(f"CONFIG: must have integer formats for {what}, not {formats}")

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
        # Names that changed, and parts that came later, leave the hash of what there was before.
        values: dict[str, Any] = {"array": None, "machine": None}
        values[self.core.hashed] = asdict(self.core)
        for name in ("machine", "small"):
            if (part := getattr(self, name)) is not None:
                values[name] = asdict(part)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]


def config_names() -> list[str]:
    """Names of the configurations that come with the project, and with plug-ins."""
    return sorted({path.stem for path in (*CONFIG_DIR.glob("*.toml"), *plugin_files(".toml"))})


def load(name: str | Path, target: str | None = None) -> Config:
    """Read configuration ``name`` of ``configs/``, or the TOML file at path ``name``.

    ``target``, if given, replaces the device family, see :meth:`Config.retarget`; where that
    changes anything the name says so, as reports are kept by name.

    Raises :class:`ConfigError` if there is no such file, if it is not TOML, and for every unknown
    key and bad value in it.
    """
    plugins()
    path = named_file("CONFIG", name, ".toml", CONFIG_DIR, plugin_files(".toml"))
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: must be valid TOML: {error}") from None
    except RecursionError:
        raise UserError(f"{path}: must be valid TOML, not nested that deep") from None
    cores = core_types()
    known = [*cores, "machine", "compact"]
    for key in table:
        if key not in known:
            rule = f"the tables {', '.join(f'[{x}]' for x in known)}"
            raise unknown(key, rule, known, table[key])
    names = [name for name in cores if name in table]
    if len(names) != 1:
        tables, found = (", ".join(f"[{x}]" for x in some) for some in (cores, names))
        raise UserError(f"{path}: must have one of the tables {tables}, not {found or 'none'}")
    kind: Any = cores[names[0]]
    core = section(kind, table.pop(names[0]), names[0], **kind.fixed)
    given: dict[str, Any] = {"name": path.stem, "core": core}
    if "machine" in table:
        given["machine"] = section(MachineConfig, table.pop("machine"), "machine", array=core)
    if "compact" in table:
        if kind is not ArrayConfig or "machine" in given:
            raise UserError(f"{path}: must have [array] and no [machine] beside [compact]")
        given["small"] = section(CompactConfig, table.pop("compact"), "compact", array=core)
    config = Config(**given)
    if target is not None and target != config.target:
        config = replace(config.retarget(target), name=f"{config.name}-{target}")
    return config
