"""Yosys and nextpnr for one unit, with every result cached by what it depends on."""

import json
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insitu.hdl.config import Config
from insitu.hdl.export import design_hash, to_rtlil, yosys
from insitu.hdl.support.files import BUILD, digest, kept, locked
from insitu.hdl.support.tools import said

from . import floorplan
from .devices import Device
from .tools import ToolError, nextpnr_version, tool
from .units import Pins, unit

__all__ = [
    "CACHE",
    "SEEDS",
    "Routed",
    "Synthesised",
    "count_cells",
    "hash_of",
    "place",
    "prepare",
    "run_nextpnr",
    "synthesise",
]

CACHE = BUILD / "cache" / "synth"
SEEDS = (1, 2, 3)
# Asked of the placer: above what any design here reaches, so that it never stops trying.
FREQUENCY_MHZ = {"ecp5": 250, "ice40": 100}


def prepare(name: str) -> str:
    """Yosys script that reads unit ``name`` in for its family's script.

    A register marked ``own_register`` in the hardware must not be shared with an equal one
    elsewhere. Yosys leaves a register that is kept as it is, its reset as a LUT before it, one for
    all its copies; so it is given its reset and enable pins first. Not in arrays: os-8x8 came out
    at 199 MHz with that and 214 without (seed 1, routed).
    """
    pins = "" if name == "array" else "clean\nopt_dff a:own_register=1 %ci3 t:$dff t:$mux %u %i\n"
    return f"proc\n{pins}setattr -set keep 1 a:own_register=1 %ci1 t:$*dff* %i\n"


CELLS = {
    "lut4": ("LUT4", "SB_LUT4"),
    "carry": ("CCU2C", "SB_CARRY"),
    "ff": ("TRELLIS_FF", r"SB_DFF\w*"),
    "dsp": ("MULT18X18D", "SB_MAC16"),
    "bram": ("DP16KD", "PDPW16KD", r"SB_RAM40_4K\w*"),
    "dist_ram": ("TRELLIS_DPR16X4",),
}


@dataclass(frozen=True)
class Synthesised:
    """A unit and its netlist: where it is, its hash, its resources by the names in ``CELLS``, and
    how nextpnr is to place it."""

    unit: str
    path: Path
    design_hash: str
    cells: dict[str, int]
    placing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Routed:
    """One seed: clock, and nextpnr's critical path."""

    seed: int
    fmax_mhz: float
    path: list[dict[str, Any]]


def count_cells(netlist: dict[str, Any]) -> dict[str, int]:
    """Cells of the flat top module by resource."""
    counts = dict.fromkeys(CELLS, 0)
    (top,) = [m for m in netlist["modules"].values() if int(m["attributes"].get("top", "0"), 2)]
    for cell in top["cells"].values():
        for resource, kinds in CELLS.items():
            counts[resource] += any(re.fullmatch(kind, cell["type"]) for kind in kinds)
    return counts


def hash_of(config: Config, name: str, device: Device) -> str:
    """What :func:`synthesise` calls the hash of unit ``name``: of its RTLIL, without mapping it."""
    if config.target not in (device.family, "generic"):
        config = config.retarget(device.family)
    return design_hash(to_rtlil(unit(name, config), "top"))


def synthesise(config: Config, name: str, device: Device) -> Synthesised:
    """Map unit ``name`` of ``config`` to ``device``.

    Resources are those of the bare unit; on iCE40 the netlist to be placed has the unit on two
    pins, see :class:`~insitu.synth.units.Pins`. Raises :class:`ToolError` if it does not fit.
    """
    flat = unit(name, config)
    designs = {"bare": to_rtlil(flat, "top")}
    if device.family == "ice40":
        designs["pins"] = to_rtlil(Pins(unit(name, config)), "top")
    command = device.synth
    placing = device.placing(name, config.name, config.core.table)
    placer = (*placing, str(FREQUENCY_MHZ[device.family]))
    key = digest(*designs.values(), command, prepare(name), str(CELLS), *placer, yosys.version())

    def make(scratch: Path) -> None:
        for design, text in designs.items():
            (scratch / f"{design}.il").write_text(text, encoding="utf-8")
            script = f"read_rtlil {design}.il\n{prepare(name)}"
            script += f"{command} -top top -json {design}.json\n"
            yosys.run(script, cwd=scratch, log=f"{design}.log")
            if not (scratch / f"{design}.json").is_file():
                raise ToolError(f"yosys: left no netlist (log: {scratch / f'{design}.log'})")
        mapped = json.loads((scratch / "bare.json").read_text(encoding="utf-8"))
        (scratch / "cells.json").write_text(json.dumps(count_cells(mapped)), encoding="utf-8")

    path = kept(CACHE / f"{config.name}-{name}-{device.name}-{key}", make)
    cells = json.loads((path / "cells.json").read_text(encoding="utf-8"))
    for resource in ("lut4", "dsp", "bram"):
        has = getattr(device, resource)
        if cells[resource] > has:
            raise ToolError(
                f"{name} of {config.name}: must fit {device.part}, which has {has} "
                f"{resource.upper()}, not {cells[resource]}"
            )
    netlist = path / ("bare.json" if device.family == "ecp5" else "pins.json")
    if name == "machine" and device.name == "ecp5-85f":
        netlist = floorplan.planned(netlist)
    return Synthesised(name, netlist, design_hash(designs["bare"]), cells, placing)


def run_nextpnr(pnr: str, arguments: list[str], report: Path) -> None:
    """Run ``pnr`` in the folder of ``report``, unless that is there; raises :class:`ToolError`.

    A report that is not whole is made again.
    """
    with locked(report):
        try:
            json.loads(report.read_text(encoding="utf-8"))
            return
        except (OSError, ValueError):
            pass
        scratch, log = report.with_suffix(".tmp"), report.with_suffix(".log")
        line = [tool(pnr), *arguments, "--report", scratch.name, "--timing-allow-fail"]
        line += ["--log", log.name, "--quiet"]
        done = subprocess.run(
            line,
            cwd=report.parent,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode or not scratch.is_file():
            with log.open("a", encoding="utf-8") as file:
                file.write(done.stdout + done.stderr)
            reason = said(done.stdout + done.stderr)
            raise ToolError(f"{pnr}: {reason} (exit status {done.returncode}, log: {log})")
        scratch.rename(report)


def place(
    design: Synthesised, device: Device, seeds: tuple[int, ...], done: Callable[[Routed], None],
    *, jobs: int = 2,
) -> list[Routed]:  # fmt: skip
    """Place and route once per seed, ``jobs`` at a time; ``done`` is told of each."""
    version = nextpnr_version(device.pnr)

    def one(seed: int) -> Routed:
        report = design.path.with_stem(f"{design.path.stem}-seed-{seed}-{version}")
        line = [*design.placing, "--json", design.path.name]
        line += ["--freq", str(FREQUENCY_MHZ[device.family]), "--seed", str(seed)]
        if device.family == "ecp5":
            line.append("--out-of-context")
        run_nextpnr(device.pnr, line, report)
        found = json.loads(report.read_text(encoding="utf-8"))
        clocks = found["fmax"].values()
        if not clocks:
            raise ToolError(f"{device.pnr}: the unit has no clock to measure")
        paths = [p["path"] for p in found["critical_paths"] if p["from"] == p["to"]]
        result = Routed(seed, min(c["achieved"] for c in clocks), paths[0] if paths else [])
        done(result)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, seeds))
