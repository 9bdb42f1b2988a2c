"""Configuration: the one source of every size, width and latency.

A configuration is a TOML file read into frozen dataclasses. Hardware, golden model, timing model,
reports and documentation all take their figures from the properties here.
"""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..formats import Interval, IntFormat
from .array import ArrayConfig
from .fields import ConfigError, UserError, section
from .machine import MachineConfig

__all__ = [
    "ArrayConfig",
    "Config",
    "ConfigError",
    "IntFormat",
    "Interval",
    "MachineConfig",
    "UserError",
    "config_names",
    "load",
]

CONFIG_DIR = Path(__file__).resolve().parent.parent.parent / "configs"


@dataclass(frozen=True)
class Config:
    """A whole configuration: ``name`` and one section for each part; ``machine`` may be absent."""

    name: str
    array: ArrayConfig
    machine: MachineConfig | None = None

    def retarget(self, target: str) -> "Config":
        """The same architecture for another device family.

        DSP instances become a plain ``*`` where ``target`` is ``generic``, and the other way round.
        Raises :class:`ConfigError` if the family cannot do it.
        """
        if target == self.array.target:
            return self
        kind = self.array.multiplier
        if kind != "lut":
            kind = "inferred" if target == "generic" else "dsp"
        array = replace(self.array, target=target, multiplier=kind)
        machine = replace(self.machine, array=array) if self.machine else None
        return replace(self, array=array, machine=machine)

    @property
    def shell(self) -> MachineConfig:
        """``machine``; ``UserError`` if the configuration has none."""
        if self.machine is None:
            raise UserError(f"{self.name}: must have a table [machine] for this")
        return self.machine

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that change with any value but the name."""
        values = asdict(self)
        del values["name"]
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
    path = Path(name)
    named = path.suffix != ".toml"
    if named:
        path = CONFIG_DIR / f"{name}.toml"
    if not path.is_file() or (named and str(name) not in config_names()):
        rule = f"a .toml file or one of {', '.join(config_names())}"
        raise ConfigError("CONFIG", rule, str(name))
    try:
        table = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: must be valid TOML: {error}") from None
    if "array" not in table:
        raise UserError(f"{path}: must have a table [array]")
    array = section(ArrayConfig, table.pop("array"), "array")
    given = {"name": path.stem, "array": array, "machine": None}
    if "machine" in table:
        given["machine"] = section(MachineConfig, table.pop("machine"), "machine", array=array)
    config: Config = section(Config, table, **given)
    if target and target != config.array.target:
        config = replace(config.retarget(target), name=f"{config.name}-{target}")
    return config
