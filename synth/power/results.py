"""Results that are kept, and the tables of ``docs/power.md`` made from them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from insitu.hdl.support.cli import main
from insitu.hdl.support.files import write_whole

from .. import docs
from ..devices import DEVICES
from ..report import console
from . import fpga

__all__ = ["KEPT", "keep", "kept", "workloads"]

RESULTS = Path(__file__).with_name("results")
PAGE = docs.README.parent / "docs" / "power.md"
# What a library, and what a device, is measured with: configuration, unit, and its name in docs.
KEPT = {
    "liberty": [
        ("ws-8x8", "mac", "8 × 8-bit MAC, 32-bit accumulator"),
        ("ws-8x8", "pe", "PE of ws-8x8, last row"),
        ("ws-8x8", "array", "array ws-8x8"),
        ("cim-64x16", "column", "column of cim-64x16, 64 weights"),
        ("cim-64x16", "tile", "tile cim-64x16, 16 banks"),
    ],
    "up5k": [
        ("up5k", "array", "array of up5k"),
        ("up5k", "board", "icebreaker, all but pins and PLL"),
    ],
    "ecp5-85f": [("ws-8x8", "array", "array ws-8x8")],
}
ALL = ("random", "zeros", "held", "held-sparse", "digits")
SOME = {"board": ("random", "zeros", "digits")}
# What others measured of a whole chip's core rail: SymbioticEDA/MARLANN, power notes in its docs.
MARLANN = "| measured | long run | 20 | | 16.99 in all | 15.0 | |"


def workloads(unit: str) -> tuple[str, ...]:
    """Those that are kept of a unit."""
    return SOME.get(unit, ALL)


def keep(name: str, reports: list[dict[str, Any]], command: str) -> Path:
    """Write the results of a library or device: figures only, no blocks."""
    kept_keys = (
        "config", "unit", "workload", "design_hash", "mhz", "cycles", "macs_per_cycle",
        "static_w", "dynamic_w", "internal_w", "switching_w", "pj_per_cycle",
        "inputs_pj_per_cycle", "pj_per_mac", "gmacs_per_w", "device_gmacs_per_w", "area", "cells",
        "resources", "toggles_per_cycle", "multiplies_per_cycle", "registers", "memories",
    )  # fmt: skip
    about = ("schema", "tools", "kind", "library", "corner", "files", "device")
    head: dict[str, Any] = {key: reports[0][key] for key in about if key in reports[0]}
    head["left_out"] = list(dict.fromkeys(what for r in reports for what in r["left_out"]))
    head["command"] = command
    runs = [{key: _short(r[key]) for key in kept_keys if key in r} for r in reports]
    path = RESULTS / f"{name}.json"
    write_whole(path, json.dumps(head | {"runs": runs}, indent=1) + "\n")
    return path


def _short(value: Any) -> Any:
    """Four digits, which is more than is known."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _short(x) for key, x in value.items()}
    if isinstance(value, list):
        return [_short(x) for x in value]
    return value


def kept() -> Iterator[tuple[str, dict[str, Any]]]:
    """Results by name, in order."""
    for path in sorted(RESULTS.glob("*.json")):
        yield path.stem, json.loads(path.read_text(encoding="utf-8"))


def _pick(result: dict[str, Any], config: str, unit: str, workload: str) -> dict[str, Any] | None:
    for run in result["runs"]:
        if (run["config"], run["unit"], run["workload"]) == (config, unit, workload):
            return run
    return None


def _named(config: str, unit: str, result: dict[str, Any], workload: str) -> dict[str, Any] | None:
    """A run, whatever family its configuration was changed to."""
    for name in (config, f"{config}-generic"):
        if run := _pick(result, name, unit, workload):
            return run
    return None


def energies() -> str:
    """pJ per product, by unit, library and workload."""
    libraries = {name: result for name, result in kept() if "library" in result}
    if not libraries:
        return "Not measured yet."
    columns = [(name, w) for name in libraries for w in ALL]
    shown = ", ".join(f"{n}: {r['library']}, {r['corner']}" for n, r in libraries.items())
    lines = [
        "| pJ per int8 MAC | " + " | ".join(f"{name}, {w}" for name, w in columns) + " |",
        "|---|" + "--:|" * len(columns),
    ]
    for config, unit, words in KEPT["liberty"]:
        values = []
        for name, workload in columns:
            run = _named(config, unit, libraries[name], workload)
            values.append(f"{run['pj_per_mac']:.3g}" if run else "–")
        lines.append(f"| {words} | " + " | ".join(values) + " |")
    return "\n".join([*lines, "", f"{shown}. At 100 MHz, which only leakage depends on."])


def devices() -> str:
    """Power on FPGAs."""
    lines = [
        "| unit | device | kind | workload | MHz | idle device, mW | dynamic, mW | GMAC/s/W "
        "| toggles/cycle |",
        "|---|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for name, result in kept():
        for config, unit, words in KEPT.get(name, []):
            for workload in ALL:
                run = _named(config, unit, result, workload)
                if run is None:
                    continue
                lines.append(
                    f"| {words} | {result['device']} | {result['kind']} | {workload} "
                    f"| {run['mhz']:g} | {1e3 * run['static_w']:.3g} "
                    f"| {1e3 * run['dynamic_w']:.3g} | {run['device_gmacs_per_w']:.3g} "
                    f"| {run['toggles_per_cycle']:.0f} |"
                )
    lines.append(f"| MARLANN, whole chip | iCE40UP5K {MARLANN}")
    return "\n".join(lines)


def calibration() -> str:
    """Published currents beside the model's, and the coefficients."""
    known = fpga.coefficients(DEVICES["up5k"])
    lines = ["| design | MHz | published, µA | model, µA | |", "|---|--:|--:|--:|---|"]
    for point in fpga.points():
        watts = known.power(point.use, point.hertz, oscillator=point.oscillator)
        amperes = watts / fpga.VOLTS
        # What the fit meets exactly is +0.0, on whatever side rounding leaves it.
        off = round(100 * (amperes / point.amperes - 1), 1) + 0.0
        lines.append(
            f"| {point.name} | {point.hertz / 1e6:g} | {1e6 * point.amperes:g} "
            f"| {1e6 * amperes:.1f} ({off:+.1f} %) "
            f"| {'' if point.is_fitted else 'held out'} |"
        )
    words = (
        f"Idle device {1e6 * known.static:.0f} µW (oscillator {1e6 * known.oscillator:.0f} µW), "
        f"clock network {1e12 * known.clock:.1f} pJ per cycle, {1e15 * known.register:.1f} fJ per "
        f"register and cycle, {1e12 * known.toggle:.2f} pJ per toggle, "
        f"{1e12 * known.multiply:.1f} pJ per 8×8 multiply of a DSP."
    )
    return "\n".join([*lines, "", words])


TABLES: dict[str, Callable[[], str]] = {
    "energies": energies,
    "devices": devices,
    "calibration": calibration,
}


def job() -> int:
    """Write the tables of docs/power.md."""
    changed = [docs.update(PAGE, name, table()) for name, table in TABLES.items()]
    console.print(f"docs/power.md {'changed' if any(changed) else 'is up to date'}")
    return 0


if __name__ == "__main__":
    main(job)
