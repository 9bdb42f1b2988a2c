"""One unit under one workload: simulated, its energy, and the report of it."""

import os
import shlex
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np

from insitu.hdl.config import Config, UserError
from insitu.hdl.export import design_hash, to_rtlil, yosys

from ..devices import Device
from .drive import Activity
from .energy import measure
from .fabric import Fabric, to_fabric
from .fpga import RANGE, coefficients
from .kinds import Kind, of_liberty
from .liberty import Library
from .mapping import UNUSED, to_liberty, try_out
from .names import MHZ
from .netlist import Memory, Netlist, read
from .roles import check
from .simulate import LANES, Simulation
from .units import activity, unit
from .units import check as check_workload
from .workloads import WORKLOADS

__all__ = ["library_of", "of_fpga", "of_library"]

Report = dict[str, Any]
SCHEMA = "insitu-power-2"
"""Clock that power is stated at, unless another is given."""
LEFT_OUT = ["wires", "clock tree", "glitches"]


@cache
def library_of(paths: tuple[Path, ...]) -> Library:
    """The library in some files; ``UserError`` if one is missing."""
    for path in paths:
        if not os.path.isfile(path):  # of a name that is too long as well
            raise UserError(f"LIBERTY: must be a file, not {path}")
    return Library(paths)


def kind_in(library: Library, name: str) -> Kind:
    """Kind of a mapped cell."""
    if name not in library:
        raise UserError(f"LIBERTY: must have all that is needed; Yosys left a {name}")
    return of_liberty(library.cell(name))


def _untold(net: Netlist) -> list[str]:
    """What the library does not say of cells that are used."""
    used = [cell for n in np.unique(net.kind) if (cell := net.kinds[n].cell)]
    untold = {
        "leakage": [cell.name for cell in used if not cell.leakage],
        "internal energy": [cell.name for cell in used if not cell.powers],
    }
    return [f"{what} of {', '.join(names)}" for what, names in untold.items() if names]


def _head(config: Config, name: str, workload: str, text: str, mhz: float) -> Report:
    return {
        "schema": SCHEMA,
        "command": shlex.join(["insitu", *sys.argv[1:]]),
        "config": config.name,
        "config_hash": config.hash,
        "design_hash": design_hash(text),
        "tools": {
            "amaranth": package_version("amaranth"),
            "yosys": yosys.version(),
            "numpy": package_version("numpy"),
        },
        "unit": name,
        "workload": workload,
        "activity": f"{WORKLOADS[workload]}; zero-delay simulation of the mapped netlist",
        "mhz": mhz,
    }


def _tail(report: Report, done: Activity, watts: float) -> Report:
    """Figures per product, of ``watts``."""
    sim, macs = done.sim, done.macs
    per_cycle = macs / (sim.cycles * LANES)
    rate = per_cycle * report["mhz"] * 1e6
    return report | {
        "cycles": sim.cycles,
        "lanes": LANES,
        "outputs_checked": done.checked,
        "macs_per_cycle": round(per_cycle, 3),
        "pj_per_mac": watts / rate * 1e12 if macs else None,
        "gmacs_per_w": rate / watts / 1e9 if macs else None,
    }


def _memories(memories: Sequence[Memory], sim: Simulation) -> list[Report]:
    """Memories of a block together, and words read (addresses that changed) and written."""
    found: dict[str, Report] = {}
    for memory in memories:
        entry = found.setdefault(
            memory.block, {"block": memory.block, "bits": 0, "reads": 0.0, "writes": 0.0}
        )
        entry["bits"] += memory.bits
        for port in memory.ports:
            name = "writes" if sim.netlist.ports[port, 7] else "reads"
            entry[name] += float(sim.accesses[port]) / max(1, sim.cycles * LANES)
    return list(found.values())


def of_library(
    config: Config,
    name: str,
    workload: str,
    paths: Sequence[Path],
    mhz: float = MHZ["liberty"],
    unused: Sequence[str] = (),
) -> Report:
    """Unit ``name`` in cells of a Liberty library; ``config`` is built without vendor's cells."""
    config = config.retarget("generic")
    check_workload(name, config, workload)
    library, unused = library_of(tuple(paths)), (*UNUSED, *unused)
    check(library, unused)
    try_out(library, unused)
    text = to_rtlil(unit(name, config), "top")
    report = _head(config, name, workload, text, mhz)
    mapped = to_liberty(text, f"{config.name}-{name}", library, unused)
    net = Netlist(read(mapped), lambda kind: kind_in(library, kind)).finish()
    sim = Simulation(net)
    done = activity(name, config, workload, sim)
    energy = measure(sim, library)
    hertz = mhz * 1e6
    memories = _memories(net.memories, sim)
    report |= {
        "kind": "measured-activity",
        "library": library.name,
        "corner": library.corner,
        "files": {file.path.name: file.source.sum[:16] for file in library.files},
        "static_w": energy.whole.leakage,
        "dynamic_w": energy.whole.dynamic * hertz,
        "internal_w": energy.whole.internal * hertz,
        "switching_w": energy.whole.switching * hertz,
        "pj_per_cycle": energy.whole.dynamic * 1e12,
        "inputs_pj_per_cycle": energy.inputs * 1e12,
        "area": energy.whole.area,
        "cells": energy.whole.cells,
        "by_block": {
            block: {
                "internal_w": part.internal * hertz,
                "switching_w": part.switching * hertz,
                "leakage_w": part.leakage,
                "area": part.area,
                "cells": part.cells,
            }
            for block, part in sorted(energy.blocks.items(), key=lambda x: -x[1].dynamic)
        },
        "left_out": [
            *LEFT_OUT,
            "drivers of inputs and clock",
            *["memories"] * bool(memories),
            *_untold(net),
        ],
        "memories": memories,
    }
    watts = report["static_w"] + report["dynamic_w"]
    return _tail(report, done, watts)


def of_fpga(
    config: Config, name: str, workload: str, device: Device, mhz: float | None = None
) -> Report:
    """Unit ``name`` in cells of an FPGA, without place and route."""
    mhz = MHZ[device.family] if mhz is None else mhz
    known = coefficients(device)
    config = config.retarget(device.family) if config.target != device.family else config
    check_workload(name, config, workload)
    text = to_rtlil(unit(name, config), "top")
    report = _head(config, name, workload, text, mhz)
    fabric = Fabric(to_fabric(text, config.name, name, device))
    for resource in ("lut4", "dsp", "bram"):
        wanted, there = fabric.resources[resource], getattr(device, resource)
        if wanted > there:
            raise UserError(
                f"DEVICE: must have {wanted} {resource}, not the {there} of {device.name}"
            )
    sim = Simulation(fabric.net)
    done = activity(name, config, workload, sim)
    uses = fabric.use(sim)
    use = Fabric.total(list(uses.values()))
    hertz = mhz * 1e6
    is_ice40 = device.family == "ice40"
    report |= {
        "kind": "calibrated" if is_ice40 else "extrapolated",
        "device": device.part,
        "static_w": known.static,
        "dynamic_w": known.power(use, hertz) - known.static,
        "factor_either_way": RANGE if is_ice40 else None,
        "resources": fabric.resources,
        "toggles_per_cycle": use.toggles,
        "multiplies_per_cycle": use.multiplies,
        "registers": use.registers,
        "clock_w": known.clock * hertz,
        "by_block": {
            block: {
                "dynamic_w": known.dynamic(part) * hertz,
                "toggles_per_cycle": part.toggles,
                "multiplies_per_cycle": part.multiplies,
                "registers": part.registers,
            }
            for block, part in sorted(uses.items(), key=lambda x: -known.dynamic(x[1]))
        },
        "left_out": [
            "glitches",
            "block RAM and SPRAM",
            "pins",
            "PLL and oscillator",
            "the idle device's static_w, of figures per product",
        ],
        "memories": _memories(fabric.net.memories, sim),
    }
    # What the idle device takes is not the unit's, which may be a single multiplier.
    dynamic = report["dynamic_w"]
    report = _tail(report, done, dynamic)
    share = dynamic / (dynamic + known.static)
    of_unit = report["gmacs_per_w"]
    return report | {"device_gmacs_per_w": None if of_unit is None else of_unit * share}
