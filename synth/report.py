"""Results of synthesis: JSON, a history that one can diff, and the critical path in words."""

import csv
import io
import re
import shlex
import sys
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from rich.console import Console

from insitu.hdl.config import Config, load
from insitu.hdl.export import yosys
from insitu.hdl.support.files import BUILD, folder_of, locked, write_whole

from .devices import Device, device
from .flow import Routed, Synthesised, hash_of
from .tools import nextpnr_version

__all__ = [
    "console",
    "critical_path",
    "history",
    "make_report",
    "mark_earlier",
    "place",
    "record",
]

# Paths are printed as they are and never broken over lines.
console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
ROOT = Path(__file__).resolve().parent.parent
HISTORY = ROOT / "synth" / "history.csv"
COLUMNS = [
    "config", "unit", "device", "speed", "lut4", "carry", "ff", "dsp", "bram", "dist_ram",
    "lut4_equivalent", "macs_per_cycle", "fmax_worst", "fmax_per_seed", "design_hash", "tools",
    "earlier",
]  # fmt: skip
WITH_CORE = ("array", "tile", "core", "lanes", "machine")


def _signal(cell: str) -> str:
    """Name of the signal that a cell drives: what the mapper appended is cut off."""
    return re.split(r"_(TRELLIS|SB|LUT4|CCU2|PFUMX|L6MUX|DFF)|\$", cell)[0].removeprefix("core.")


def critical_path(steps: list[dict[str, Any]]) -> str:
    """One sentence on nextpnr's worst register-to-register path."""
    if not steps:
        return "no path from a register to a register"
    wires = [s for s in steps if s["type"] == "routing"]
    routing = sum(s["delay"] for s in wires)
    logic = sum(s["delay"] for s in steps) - routing
    gates = [s for s in steps if s["type"] == "logic"]
    chain = sum(s["from"]["port"] in ("FCI", "CIN", "I3") for s in gates)
    longest = max(wires, key=lambda s: s["delay"]) if wires else None
    words = (
        f"{_signal(steps[0]['from']['cell'])} to {_signal(steps[-1]['to']['cell'])}: "
        f"{logic:.2f} ns logic through {len(gates)} cells ({chain} of a carry chain), "
        f"{routing:.2f} ns wire"
    )
    if longest:
        (x0, y0), (x1, y1) = longest["from"]["loc"], longest["to"]["loc"]
        words += (
            f"; longest wire {_signal(longest['from']['cell'])}, {longest['delay']:.2f} ns over "
            f"{abs(x1 - x0)} × {abs(y1 - y0)} tiles"
        )
    return words


def make_report(
    config: Config, unit: str, device: Device, design: Synthesised, routed: list[Routed]
) -> dict[str, Any]:
    """The JSON of the design; without a clock and nextpnr where nothing was routed."""
    cells = design.cells
    equivalent = cells["lut4"]
    if device.family == "ecp5":
        equivalent += 2 * cells["carry"] + 4 * cells["dist_ram"]
    worst = min(routed, key=lambda r: r.fmax_mhz, default=None)
    # Of what is a core, or has one; null of other units.
    macs = config.core.macs_per_cycle if unit in WITH_CORE else None
    tools = {"amaranth": package_version("amaranth"), "yosys": yosys.version()}
    if routed:
        tools[device.pnr] = nextpnr_version(device.pnr)
    return {
        "schema": "insitu-synth-2",
        "command": shlex.join(["insitu", *sys.argv[1:]]),
        "config": config.name,
        "config_hash": config.hash,
        "design_hash": design.design_hash,
        "seed": [r.seed for r in routed],
        "tools": tools,
        "device": device.part,
        "speed": device.speed,
        "unit": unit,
        **cells,
        "lut4_equivalent": equivalent,
        "macs_per_cycle": macs,
        "fmax_mhz": {
            "worst": round(worst.fmax_mhz, 1) if worst else None,
            "per_seed": {str(r.seed): round(r.fmax_mhz, 1) for r in routed},
        },
        "peak_gops": round(2 * macs * worst.fmax_mhz / 1000, 2) if macs and worst else None,
        "critical_path": critical_path(worst.path) if worst else "not placed",
    }


def place(config: Config, unit: str, device: Device, *, mapped: bool) -> Path:
    """Folder of the report; of resources alone (``mapped``) it is another."""
    case = f"{device.name}-{unit}" + "-mapped" * mapped
    return BUILD / "synth" / folder_of(config) / case


def _rows() -> list[dict[str, str]]:
    if not HISTORY.is_file():
        return []
    with HISTORY.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write_rows(rows: list[dict[str, str]]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(HISTORY, out.getvalue())


def mark_earlier() -> None:
    """Say in column ``earlier`` which lines are of a design whose RTL has changed since.

    Elaborates every design: a minute and a half.
    """
    rows = _rows()
    for row in rows:
        now = hash_of(load(row["config"]), row["unit"], device(row["device"]))
        row["earlier"] = "" if now == row["design_hash"] else "yes"
    _write_rows(rows)


def history(unit: str) -> list[dict[str, str]]:
    """What is recorded of a unit."""
    return [row for row in _rows() if row["unit"] == unit]


def record(report: dict[str, Any], device: Device) -> None:
    """Put the result into the history: one line per configuration, unit and device, sorted.

    One that was only mapped has no clock, and does not replace a line of the same design with one.
    """
    with locked(BUILD / HISTORY.name):
        _put(report, device)


def _put(report: dict[str, Any], device: Device) -> None:
    rows = {(r["config"], r["unit"], r["device"]): r for r in _rows()}
    row = {name: "" if (x := report.get(name)) is None else str(x) for name in COLUMNS}
    row["device"] = device.name
    mapped = report["fmax_mhz"]["worst"] is None
    row["fmax_worst"] = "" if mapped else str(report["fmax_mhz"]["worst"])
    row["fmax_per_seed"] = " ".join(str(f) for f in report["fmax_mhz"]["per_seed"].values())
    row["tools"] = " ".join(f"{name}-{number}" for name, number in report["tools"].items())
    key = (row["config"], row["unit"], row["device"])
    before = rows.get(key)
    if mapped and before and before["fmax_worst"] and before["design_hash"] == row["design_hash"]:
        return
    rows[key] = row
    _write_rows([rows[key] for key in sorted(rows)])
