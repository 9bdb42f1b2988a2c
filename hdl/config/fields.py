"""What every section of a configuration is made of: fields with rules, and their refusals."""

from collections.abc import Iterable
from dataclasses import MISSING, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

__all__ = [
    "ConfigError",
    "UserError",
    "ceil_div",
    "ceil_log2",
    "check_fields",
    "choice",
    "limits",
    "named_file",
    "section",
    "unknown",
]


class UserError(ValueError):
    """What a user asked for cannot be done: one line that a command prints without a traceback."""


class ConfigError(UserError):
    """A bad configuration: the message is one line with the field, the rule and the value."""

    def __init__(self, name: str, rule: str, value: object) -> None:
        super().__init__(f"{name}: must be {rule}, not {value!r}")


def ceil_div(a: int, b: int) -> int:
    """``a / b`` rounded up."""
    return -(-a // b)


def ceil_log2(n: int) -> int:
    """Least ``b`` with ``2^b >= n``, ``n`` at least 1."""
    return (n - 1).bit_length()


def limits(lo: int, hi: int, default: int | None = None) -> Any:
    """Integer field with an allowed range, both ends included."""
    return field(default=MISSING if default is None else default, metadata={"range": (lo, hi)})


def choice(*names: str | int, default: str | int) -> Any:
    """Field with the names or numbers that it may have."""
    return field(default=default, metadata={"choices": names})


def check_fields(section: Any, prefix: str) -> None:
    """Refuse values of the wrong type, out of range or not among the choices."""
    for f in fields(section):
        name, value = f"{prefix}.{f.name}", getattr(section, f.name)
        if f.type is bool and not isinstance(value, bool):
            raise ConfigError(name, "true or false", value)
        if "range" in f.metadata:
            lo, hi = f.metadata["range"]
            if type(value) is not int or not lo <= value <= hi:
                raise ConfigError(name, f"an integer from {lo} to {hi}", value)
        if "choices" in f.metadata:
            choices = f.metadata["choices"]
            # 64.0 is equal to 64.
            if type(value) is not type(choices[0]) or value not in choices:
                raise ConfigError(name, f"one of {', '.join(map(str, choices))}", value)


def unknown(
    key: str, rule: str, known: Iterable[str], value: object, prefix: str = ""
) -> ConfigError:
    """That ``key`` is none of ``known``, and which of them is most like it."""
    shown = key if key.isprintable() else repr(key)
    for nearest in get_close_matches(key, known, 1):
        rule += f"; the nearest is {nearest}"
    return ConfigError(
        f"{prefix}.{shown}" if prefix else shown, f"left out or one of {rule}", value
    )


def named_file(
    name: str, given: str | Path, suffix: str, folder: Path, others: Iterable[Path] = ()
) -> Path:
    """The file at path ``given`` if it ends in ``suffix``, else the one of that name in ``folder``,
    or of ``others``.

    Raises :class:`ConfigError` on variable ``name`` if there is none.
    """
    path = Path(given)
    if path.suffix != suffix:
        found = {path.stem: path for path in (*others, *folder.glob(f"*{suffix}"))}
        if str(given) not in found:
            rule = f"a {suffix} file or one of {', '.join(sorted(found))}"
            raise ConfigError(name, rule, str(given))
        return found[str(given)]
    if not path.exists():
        raise ConfigError(name, "a file that exists", str(given))
    if not path.is_file():
        raise ConfigError(name, "a file, which a folder is not", str(given))
    return path


def section(kind: Any, table: Any, prefix: str = "", **given: Any) -> Any:
    """Build dataclass ``kind`` from a TOML table; nested dataclasses are nested tables.

    ``given`` are fields that do not come from the table. Raises :class:`ConfigError`.
    """
    if not isinstance(table, dict):
        raise ConfigError(prefix, "a table", table)
    known = {f.name: f for f in fields(kind) if f.name not in given}
    for key in table:
        if key not in known:
            raise unknown(key, f"the known keys ({', '.join(known)})", known, table[key], prefix)
    values = {}
    for key, value in table.items():
        inner: Any = known[key].type
        where = f"{prefix}.{key}" if prefix else key
        values[key] = section(inner, value, where) if is_dataclass(inner) else value
    return kind(**given, **values)
