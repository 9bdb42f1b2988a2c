"""Resources, clock and critical path of a unit on a device."""

import json
import time
from argparse import Namespace

from rich.table import Table

from insitu.hdl.config import Config, UserError, config_names, load
from insitu.hdl.support.cli import Parser, integer
from insitu.hdl.support.files import private_folder, write_whole
from insitu.hdl.support.progress import progress, spent

from . import report
from .devices import DEVICES, Device, device
from .flow import SEEDS, Routed, place, synthesise
from .report import console
from .tools import ToolError
from .units import UNITS


def arguments(parser: Parser) -> None:
    parser.add_config()
    parser.add_argument(
        "--device",
        help=f"{', '.join(DEVICES)}; the first of the configuration's family if left out",
    )
    parser.add_argument("--unit", default="array", help=", ".join(UNITS))
    parser.add_argument("--record", action="store_true", help="also write synth/history.csv")
    parser.add_argument("--map", action="store_true", help="resources only: do not place and route")
    parser.add_argument("--jobs", type=integer(1), default=2, help="seeds placed at a time")


def measure(
    config: Config, unit: str, target: Device, *, keep: bool, mapped: bool = False, jobs: int = 2
) -> int:
    """Synthesise, place and route with every seed, and report; only the first if ``mapped``."""
    if unit not in UNITS:
        raise UserError(f"UNIT: must be one of {', '.join(UNITS)}, not {unit!r}")
    retargeted = config.target not in (target.family, "generic")
    config = config.retarget(target.family) if retargeted else config
    if unit == "array" and config.array.dsps > target.dsp:
        raise ToolError(
            f"array of {config.name}: must fit {target.part}, which has {target.dsp} DSP, "
            f"not {config.array.dsps}"
        )
    if retargeted:
        console.print(f"{config.name}: built for {target.family}")
    folder = report.place(config, unit, target, mapped=mapped)
    with private_folder(folder) as scratch:
        began = time.monotonic()
        with progress(console, f"Yosys: {unit} of {config.name} for {target.part}"):
            design = synthesise(config, unit, target)
        console.print(f"mapped in {spent(time.monotonic() - began)}: {_cells(design.cells)}")

        def done(result: Routed) -> None:
            took = spent(time.monotonic() - began)
            console.print(f"seed {result.seed}: {result.fmax_mhz:.1f} MHz (after {took})")
            work.advance()

        seeds = () if mapped else SEEDS
        named = f"nextpnr: seeds {', '.join(map(str, seeds))}"
        with progress(console, named, len(seeds)) as work:
            routed = place(design, target, seeds, done, jobs=jobs)
        result = report.make_report(config, unit, target, design, routed)
        write_whole(scratch / "report.json", json.dumps(result, indent=2) + "\n")
    if keep:
        report.record(result, target)
    _show(result, target)
    console.print(f"report: {folder / 'report.json'}", soft_wrap=True)
    return 0


def _cells(cells: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in cells.items() if count)


def _show(result: dict, target: Device) -> None:
    table = Table(title=f"{result['unit']} of {result['config']} on {target.part}")
    names = ["lut4_equivalent", "ff", "dsp", "bram", "macs_per_cycle", "peak_gops"]
    for name in [*names, "MHz,_worst of 3"]:
        table.add_column(name.replace("_", "\n"), justify="right")
    worst = result["fmax_mhz"]["worst"]
    clock = "not routed" if worst is None else str(worst)
    figures = ("–" if result[name] is None else f"{result[name]:,}" for name in names)
    table.add_row(*figures, clock)
    console.print(table, soft_wrap=False)
    console.print(f"critical path: {result['critical_path']}")


def run(args: Namespace) -> int:
    if args.record and args.config not in config_names():
        raise UserError(f"RECORD: must be for a configuration of configs/, not {args.config!r}")
    target = device(args.device, load(args.config).target)
    if args.target not in (None, "generic", target.family):
        raise UserError(f"TARGET: must be generic or {target.family} there, not {args.target!r}")
    config = load(args.config, args.target)
    return measure(config, args.unit, target, keep=args.record, mapped=args.map, jobs=args.jobs)
