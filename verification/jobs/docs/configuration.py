"""Tables of docs/configuration.md, from the fields of the configurations: ``make docs``."""

import re
from dataclasses import MISSING, Field, fields
from typing import Any

from insitu.hdl.config import CompactConfig, MachineConfig, core_types
from insitu.hdl.support.cli import main
from insitu.synth.docs import update

from ...simulators import ROOT

__all__ = ["PAGE", "TABLES", "keys"]

PAGE = ROOT / "docs" / "configuration.md"
TABLES: dict[str, type] = {
    **core_types(),
    "machine": MachineConfig,
    "compact": CompactConfig,
}
"""Kind of each table."""
_PARAMETER = re.compile(r"^    (\w[\w, ]*) : .*\n((?:        .*\n)+)", re.MULTILINE)


def _meanings(kind: type) -> dict[str, str]:
    """What the docstrings of a kind and those above it say of each parameter."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        for names, text in _PARAMETER.findall(one.__dict__.get("__doc__") or ""):
            words = re.sub(r":\w+:`[~.]?(?:\w+\.)*(\w+)`", r"`\1`", " ".join(text.split()))
            found |= dict.fromkeys(names.split(", "), words.replace("``", "`"))
    return found


def _rule(field: Field[Any]) -> str:
    if "range" in field.metadata:
        lo, hi = field.metadata["range"]
        return f"{lo} … {hi}"
    if "choices" in field.metadata:
        return ", ".join(f"`{name}`" for name in field.metadata["choices"])
    return "true, false" if field.type is bool else "list of names"


def _default(value: object) -> str:
    if value is MISSING:
        return "–"
    if isinstance(value, tuple):
        return "all"
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def keys(table: str) -> str:
    """Every key of a table: what it may be, its default, what it means."""
    kind: Any = TABLES[table]
    meanings = _meanings(kind)
    fixed = getattr(kind, "fixed", ())
    lines = ["| key | values | default | meaning |", "|---|---|---|---|"]
    for field in fields(kind):
        if field.name != "array" and field.name not in fixed:
            cells = (f"`{field.name}`", _rule(field), _default(field.default))
            lines.append(f"| {' | '.join(cells)} | {meanings[field.name]} |")
    return "\n".join(lines)


def job() -> int:
    for table in TABLES:
        update(PAGE, table, keys(table))
    return 0


if __name__ == "__main__":
    main(job)
