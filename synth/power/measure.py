"""Runs of ``insitu power``: one unit under one workload, or all that docs/power.md shows.

In cells of a Liberty library, or on an FPGA: the iCE40UP5K calibrated by published currents, ECP5
extrapolated from it. Each run checks the unit's outputs as well.
"""

import argparse
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from rich.table import Table

from insitu.hdl.config import Config, UserError, load
from insitu.hdl.support.files import (
    BUILD,
    check_writable,
    digest,
    folder_of,
    private_folder,
    write_whole,
)
from insitu.hdl.support.progress import progress

from ..devices import device
from ..report import console
from . import results
from .names import MHZ
from .report import library_of, of_fpga, of_library
from .units import check

SHOWN = 14  # blocks on the terminal


def _slug(words: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", words).strip("-")[:60]


def _case(args: argparse.Namespace, unit: str, workload: str) -> str:
    """Name of a run: what is not as usual is in it, and the content of a library, whose name any
    other may have."""
    if args.liberty:
        files = library_of(tuple(args.liberty)).files
        names, sums = zip(*sorted((x.header.name, x.source.sum) for x in files), strict=True)
        where, usual = f"{_slug(' '.join(names))}-{digest(*sums)[:8]}", MHZ["liberty"]
    else:
        where, usual = args.device, MHZ[device(args.device).family]
    case = f"{where}-{unit}-{workload}"
    if args.mhz not in (None, usual):
        case += f"-mhz{str(args.mhz).removesuffix('.0')}"
    if args.dont_use:
        case += f"-dont-use-{digest(*sorted(set(args.dont_use)))[:8]}"
    return case


def measure(args: argparse.Namespace, config_name: str, unit: str, workload: str) -> dict[str, Any]:
    """One report, and where it is."""
    config: Config = load(config_name)
    config = config.retarget("generic" if args.liberty else device(args.device).family)
    check(unit, config, workload)
    folder = BUILD / "power" / folder_of(config) / _case(args, unit, workload)
    check_writable(folder.parent)
    with progress(console, f"{unit} of {config.name}: mapping, then simulating {workload}"):
        if args.liberty:
            clock = args.mhz or MHZ["liberty"]
            result = of_library(config, unit, workload, args.liberty, clock, args.dont_use)
        else:
            result = of_fpga(config, unit, workload, device(args.device), args.mhz)
    with private_folder(folder) as scratch:
        write_whole(scratch / "report.json", json.dumps(result, indent=2) + "\n")
    _show(result)
    console.print(f"report: {folder / 'report.json'}")
    return result


def _show(result: dict[str, Any]) -> None:
    is_fpga = "device" in result
    where = result["device"] if is_fpga else f"{result['library']} ({result['corner']})"
    table = Table(
        title=f"{result['unit']} of {result['config']}, {result['workload']}: {where}, "
        f"{result['mhz']:g} MHz",
        title_justify="left",
    )
    keys = (
        ["dynamic_w", "toggles_per_cycle", "multiplies_per_cycle", "registers"]
        if is_fpga
        else ["internal_w", "switching_w", "leakage_w", "area", "cells"]
    )
    table.add_column("block")
    for key in keys:
        table.add_column(
            key.removesuffix("_w").replace("_", " ") + (", µW" if key.endswith("_w") else ""),
            justify="right",
        )
    blocks = list(result["by_block"].items())
    for name, part in blocks[:SHOWN]:
        table.add_row(name, *(_figure(key, part[key]) for key in keys))
    if len(blocks) > SHOWN:
        table.add_row(f"… {len(blocks) - SHOWN} more")
    console.print(table, soft_wrap=False)
    words = f"static {1e3 * result['static_w']:.4g} mW, dynamic {1e3 * result['dynamic_w']:.4g} mW"
    if result["pj_per_mac"] is not None:
        words += f", {result['pj_per_mac']:.4g} pJ per MAC ({result['macs_per_cycle']:g} per cycle)"
    console.print(f"{words}; {result['kind']}")
    if result.get("factor_either_way"):
        console.print(f"within a factor of {result['factor_either_way']:g} either way")
    console.print(f"left out: {', '.join(result['left_out'])}")
    if checked := result["outputs_checked"]:
        console.print(f"{checked:,} outputs checked, all exact")
    else:
        console.print("no outputs checked: the unit has no workload of its own")


def _figure(key: str, value: float) -> str:
    if key.endswith("_w"):
        return f"{1e6 * value:,.3g}"
    return f"{value:,.0f}" if value >= 10 or isinstance(value, int) else f"{value:.2f}"


def run(args: argparse.Namespace) -> int:
    args.liberty = [path for paths in args.liberty or [] for path in paths]
    if args.liberty and args.device:
        raise UserError("power: must have either DEVICE or LIBERTY")
    if args.dont_use and not args.liberty:
        raise UserError("DONT-USE: must be left out without LIBERTY")
    if not args.liberty:
        args.device = device(args.device, load(args.config).target).name
    if not args.record:
        measure(args, args.config, args.unit, args.workload)
        return 0
    chosen = results.KEPT.get("liberty" if args.liberty else args.device)
    if chosen is None:
        raise UserError(f"RECORD: nothing is kept of {args.device}")
    check_writable(results.RESULTS)
    reports = [
        measure(args, config, unit, workload)
        for config, unit, _ in chosen
        for workload in results.workloads(unit)
    ]
    names = [Path(word).name if Path(word).is_file() else word for word in sys.argv[1:]]
    command = shlex.join(["insitu", *names])
    console.print(f"kept: {results.keep(args.record, reports, command)}")
    return 0
