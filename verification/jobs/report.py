"""Reports: a table on the terminal, all in ``build/<target>/<config>/<case>/report.json``."""

import json
import os
import platform
import shlex
import sys
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from insitu.hdl.config import Config
from insitu.hdl.export import design_hash, yosys
from insitu.hdl.support.files import BUILD, folder_of, write_whole

from .. import simulators

__all__ = [
    "case_of",
    "console",
    "end",
    "header",
    "place",
    "table",
    "verdict",
    "write",
]

# Paths are printed as they are and never broken over lines.
console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
SCHEMAS = {"analog": 2, "compare": 2, "model": 2}
"""Versions of reports whose keys have changed; those of others are 1."""
USUAL: dict[str, str | int] = {
    "bare": False, "format": "int8", "images": 360, "stall": 0, "seed": 1, "sim": "verilator",
}  # fmt: skip
"""Options that a case's name does not tell of."""


def command() -> str:
    """Command line that repeats this run, environment included."""
    chosen = [f"{name}={os.environ[name]}" for name in ("SIM", "WAVES") if os.environ.get(name)]
    return shlex.join([*chosen, "insitu", *sys.argv[1:]])


def header(
    target: str, config: Config, text: str = "", sim: str = "", seed: int = 0
) -> dict[str, Any]:
    """Keys that every report has, and where a design was simulated its hash and the seed.

    ``text``: the design, simulated on ``sim`` with ``seed``.
    """
    tools = {name: package_version(name) for name in ("numpy", "numba")}
    found: dict[str, Any] = {
        "schema": f"insitu-{target}-{SCHEMAS.get(target, 1)}",
        "command": command(),
        "config": config.name,
        "config_hash": config.hash,
    }
    if sim:
        found |= {"design_hash": design_hash(text), "seed": seed}
        tools |= {"yosys": yosys.version(), sim: simulators.version(sim)}
        tools |= {name: package_version(name) for name in ("amaranth", "cocotb")}
    return found | {"tools": {"python": platform.python_version(), **tools}}


def place(target: str, config: Config, case: str) -> Path:
    """Folder for what a run leaves: of ``case``, which differs with any option."""
    return BUILD / target / folder_of(config) / case


def case_of(name: str, **options: str | int) -> str:
    """Name of a case: ``name``, then each of ``options`` that is not as in ``USUAL``.

    A number follows its option's name, a text stands alone: ``8x8x8-uint8-seed3``.
    """
    words = [name]
    for option, value in options.items():
        if value != USUAL[option]:
            number = isinstance(value, int) and not isinstance(value, bool)
            words.append(f"{option}{value}" if number else option if value is True else str(value))
    return "-".join(words)


def write(folder: Path, report: dict[str, Any]) -> None:
    """Write ``report`` as JSON into ``folder``."""
    write_whole(folder / "report.json", json.dumps(report, indent=2) + "\n")


def verdict(facts: list[dict[str, Any]]) -> str:
    """``ok``, or the first thing that does not hold in any of ``facts``."""
    if not all(f["bit_exact"] for f in facts):
        return "not_bit_exact"
    for key, against, status in (
        ("cycles", "model_cycles", "cycles_differ_from_model"),
        ("counters", "model_counters", "counters_differ_from_model"),
    ):
        if any(f[key] != f[against] for f in facts):
            return status
    return "ok"


def end(folder: Path, result: dict[str, Any], waves: bool = False) -> int:
    """Say where the report in ``folder`` is and how it went; returns the exit status."""
    for dump in sorted(folder.rglob("dump.fst")) if waves else []:
        console.print(f"waves: {dump} (open with `surfer {dump}` or `gtkwave {dump}`)")
    console.print(f"report: {folder / 'report.json'}")
    good = result["status"] == "ok"
    said = "bit-exact" if good else f"FAILED: {result['status']}"
    console.print(said, style="green" if good else "red")
    return 0 if good else 1


def table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Print a table; numbers to the right."""
    shown = Table(title=title, title_justify="left", title_style="bold")
    for n, column in enumerate(columns):
        right = bool(rows) and isinstance(rows[0][n], int | float)
        shown.add_column(column.replace("_", "\n"), justify="right" if right else "left")
    for row in rows:
        shown.add_row(*(_text(value) for value in row))
    console.print(shown, soft_wrap=False)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
