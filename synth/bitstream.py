"""``insitu bitstream``: a board's bitstream, or how much its clock is missed by."""

import json
import os
import shlex
import shutil
import sys
import time
from argparse import Namespace
from dataclasses import dataclass
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from rich.table import Table

from insitu.hdl.boards import BOARDS, Board, board
from insitu.hdl.boards.pins import TOP
from insitu.hdl.config import Config
from insitu.hdl.export import Flat, design_hash, to_rtlil, yosys
from insitu.hdl.support.cli import Parser
from insitu.hdl.support.files import (
    BUILD,
    digest,
    folder_of,
    kept,
    private_folder,
    write_whole,
)
from insitu.hdl.support.progress import progress

from .flow import CACHE, count_cells, prepare, run_nextpnr
from .report import console, critical_path
from .tools import ToolError, nextpnr_version, pack

__all__ = ["Built", "build"]

SEEDS = (1, 2, 3)
# Weight of timing in nextpnr's placer on ECP5; see synth/devices.py.
WEIGHT = {"ecp5": ("--placer-heap-timingweight", "20"), "ice40": ()}
# What nextpnr leaves, the bitstream's suffix, and what makes the one of the other.
RESULTS = {
    "ecp5": (Path("top.config"), ".bit", ("ecppack", "--compress")),
    "ice40": (Path("top.asc"), ".bin", ("icepack",)),
}
SYNTH = {"ecp5": "synth_ecp5", "ice40": "synth_ice40 -device u"}


@dataclass(frozen=True)
class Built:
    """A bitstream: where it is, its seed, its clock as routed, resources, critical path.

    ``design_hash``: of the board's RTLIL, pins left out.
    """

    path: Path
    design_hash: str
    seed: int
    fmax_mhz: float
    cells: dict[str, int]
    steps: list[dict[str, Any]]


def _sources(chosen: Board, config: Config) -> tuple[dict[str, str], list[str]]:
    """Files by name; nextpnr's arguments for device, pins and result."""
    pins, platform = chosen.pinned()
    plan = platform.build(pins, name="top", do_build=False)
    texts = {n: t if isinstance(t, str) else t.decode() for n, t in plan.files.items()}
    kept = {n: t for n, t in texts.items() if n.endswith((".lpf", ".pcf"))}
    # Where a line of Python stands must not draw another placement.
    lines = [x for x in texts["top.il"].splitlines() if "attribute \\src" not in x]
    kept["top.il"] = "\n".join(lines) + "\n"
    kept["board.il"] = to_rtlil(Flat(chosen.top(config)), TOP).replace("attribute \\top 1\n", "")
    (line,) = [x for x in texts["build_top.sh"].splitlines() if x.startswith('"$NEXTPNR')]
    arguments = shlex.split(line)[1:]
    arguments.remove("--quiet")
    at = arguments.index("--log")
    return kept, [*arguments[:at], *arguments[at + 2 :]]


def build(chosen: Board, config: Config, seeds: tuple[int, ...] = SEEDS) -> Built:
    """The bitstream of the first seed that meets the board's clock.

    Raises :class:`ToolError` if none does, saying by how much the best one misses it, or if the
    design does not fit.
    """
    texts, arguments = _sources(chosen, config)
    script = "".join(f"read_rtlil {name}\n" for name in ("board.il", "top.il"))
    script += f"hierarchy -top top\n{prepare('machine')}{SYNTH[chosen.family]} -top top"
    script += " -json top.json\n"
    pnr = f"nextpnr-{chosen.family}"
    arguments += ["--freq", f"{chosen.clock_hz / 1e6:g}", *WEIGHT[chosen.family]]
    key = digest(*texts.values(), script, *arguments, yosys.version())

    def make(scratch: Path) -> None:
        for name, text in texts.items():
            (scratch / name).write_text(text, encoding="utf-8")
        began = time.monotonic()
        with progress(console, f"Yosys: {chosen.name} with {config.name}"):
            yosys.run(script, cwd=scratch)
        console.print(f"mapped in {time.monotonic() - began:.0f} s")

    folder = kept(CACHE / f"{chosen.name}-{config.name}-{key}", make)
    # Multipliers are nextpnr's to place here: with the plan of `floorplan.py` its router did not
    # finish beside the many RAMs of a board's memory (ulx3s-85f with ws-8x8, seed 1).
    netlist = folder / "top.json"
    cells = count_cells(json.loads(netlist.read_text(encoding="utf-8")))
    routed, suffix, packer = RESULTS[chosen.family]
    best = 0.0
    for seed in seeds:
        report = netlist.with_stem(f"{netlist.stem}-seed-{seed}-{nextpnr_version(pnr)}")
        began = time.monotonic()
        with progress(console, f"{pnr}: {chosen.name}, seed {seed}"):
            placed = report.with_suffix(routed.suffix)
            names = {routed.name: placed.name, "top.json": netlist.name}
            line = [names.get(argument, argument) for argument in arguments]
            run_nextpnr(pnr, ["--seed", str(seed), *line], report)
        found = json.loads(report.read_text(encoding="utf-8"))
        fmax = min(clock["achieved"] for clock in found["fmax"].values())
        best = max(best, fmax)
        asked = chosen.clock_hz / 1e6
        console.print(
            f"seed {seed}: {fmax:.1f} MHz of {asked:g} asked ({time.monotonic() - began:.0f} s)"
        )
        if fmax >= asked:
            packed = placed.with_suffix(suffix)
            scratch = packed.with_name(f"{os.getpid()}-{packed.name}")
            pack(packer[0], [*packer[1:], placed.name, scratch.name], folder)
            scratch.replace(packed)
            paths = [p["path"] for p in found["critical_paths"] if p["from"] == p["to"]]
            steps: list[dict[str, Any]] = max(
                paths, key=lambda path: sum(step["delay"] for step in path), default=[]
            )
            design = design_hash(texts["board.il"])
            return Built(packed, design, seed, fmax, cells, steps)
    raise ToolError(
        f"{chosen.name} with {config.name}: must reach {chosen.clock_hz / 1e6:g} MHz, misses it by "
        f"{chosen.clock_hz / 1e6 - best:.1f} MHz with the best of seeds "
        f"{', '.join(map(str, seeds))}"
    )


def arguments(parser: Parser) -> None:
    parser.add_argument("--board", default="ulx3s-85f", help=f"one of {', '.join(BOARDS)}")
    parser.add_argument("--config", help="another machine than the board's own")


def run(args: Namespace) -> int:
    chosen = board(args.board)
    config = chosen.machine(args.config)
    config.need_integers("a board, whose driver sends nothing else")
    folder = BUILD / "bitstream" / folder_of(config) / chosen.name
    with private_folder(folder) as scratch:
        built = build(chosen, config)
        name = f"{chosen.name}{built.path.suffix}"
        shutil.copyfile(built.path, scratch / name)
        pnr = f"nextpnr-{chosen.family}"
        full = {
            "schema": "insitu-bitstream-1",
            "command": shlex.join(["insitu", *sys.argv[1:]]),
            "board": chosen.name,
            "config": config.name,
            "config_hash": config.hash,
            "design_hash": built.design_hash,
            "seed": built.seed,
            "tools": {
                "amaranth": package_version("amaranth"),
                "amaranth-boards": package_version("amaranth-boards"),
                "yosys": yosys.version(),
                pnr: nextpnr_version(pnr),
            },
            "bitstream": str((folder / name).relative_to(BUILD.parent)),
            "bytes": built.path.stat().st_size,
            "clock_mhz": chosen.clock_hz / 1e6,
            "fmax_mhz": round(built.fmax_mhz, 1),
            **built.cells,
            "critical_path": critical_path(built.steps),
        }
        write_whole(scratch / "report.json", json.dumps(full, indent=2) + "\n")
    table = Table(title=f"{chosen.name} with {config.name}")
    keys = ["clock_mhz", "fmax_mhz", "lut4", "carry", "ff", "dsp", "bram", "seed", "bytes"]
    for key in keys:
        table.add_column(key.replace("_", "\n"), justify="right")
    table.add_row(*(f"{full[key]:,}" for key in keys))
    console.print(table, soft_wrap=False)
    console.print(f"critical path: {full['critical_path']}")
    console.print(f"load it: openFPGALoader -b {chosen.loader} {full['bitstream']}")
    console.print(f"report: {folder / 'report.json'}")
    return 0
