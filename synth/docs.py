"""Writes the tables of machines and bare arrays from ``synth/history.csv`` and the cycle model."""

import math
import re
from pathlib import Path

from insitu.hdl.config import ArrayConfig, load
from insitu.hdl.support.cli import main
from insitu.hdl.support.progress import progress
from insitu.program.descriptor import Descriptor
from insitu.program.place import placed
from insitu.sim_models.exact import planned
from insitu.sim_models.timing import array_cycles, temporal

from .report import ROOT, console, history, mark_earlier

__all__ = ["FIGURES", "README", "configurations", "machines", "update"]

README = ROOT / "README.md"
FIGURES = ROOT / "docs" / "figures.md"


def _utilisation(config: ArrayConfig, size: int) -> float:
    """Of a cube through the bare array, tile after tile."""
    n_tiles = math.ceil(size / config.cols)
    if config.flow == "ws":
        tiles = [size] * (n_tiles * math.ceil(size / config.k_per_tile))
    else:
        tiles = [math.ceil(size / config.dot)] * (n_tiles * math.ceil(size / config.rows))
    return size**3 / (config.macs_per_cycle * array_cycles(config, tiles))


EARLIER = "†"


def _name(row: dict[str, str]) -> str:
    return f"{row['config']} {EARLIER * bool(row['earlier'])}".strip()


def _tools(rows: list[dict[str, str]]) -> str:
    tools = sorted({row["tools"] for row in rows})
    text = f"Tools: {'; '.join(tools)}. ECP5 speed grade 6."
    if any(row["earlier"] for row in rows):
        text += f" {EARLIER}: measured before its RTL last changed."
    return text


def machines() -> str:
    """Table of every whole machine in the history; cycles of cubes by plan and model."""
    lines = [
        "| machine | device | buffers, KiB | LUT4 eq. | FF | DSP | BRAM | MHz | MAC/cycle "
        "| peak GOPS | utilisation 64³, 256³ |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    rows = history("machine")
    if not rows:
        return "No whole machine has been placed with three seeds yet."
    for row in rows:
        config = load(row["config"])
        shell, macs, used = config.shell, config.core.macs_per_cycle, []
        for size in (64, 256):
            job = placed(shell, Descriptor(size, size, size, format="int8", has_bias=True))[0]
            job = planned(shell, job, tries=32)
            cycles = temporal(shell, [job])[0].cycles
            used.append(f"{100 * size**3 / (macs * cycles):.1f} %")
        kib, rate = shell.buffer_bytes / 1024, f"not routed | {macs} | –"
        if row["fmax_worst"]:
            clock = float(row["fmax_worst"])
            rate = f"{clock:.1f} | {macs} | {2 * macs * clock / 1000:.1f}"
        lines.append(
            f"| {_name(row)} | {row['device']} | {kib:.0f} | {int(row['lut4_equivalent']):,} "
            f"| {int(row['ff']):,} | {row['dsp']} | {row['bram']} "
            f"| {rate} | {', '.join(used)} |"
        )
    return "\n".join([*lines, "", _tools(rows)])


def configurations() -> str:
    """Table of every configuration whose array is in the history."""
    lines = [
        "| configuration | device | LUT4 eq. | per MAC | FF | DSP | BRAM | MHz, worst of 3 "
        "| MAC/cycle | peak GOPS | utilisation 64³ / 256³ |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    rows = history("array")
    for row in rows:
        config = load(row["config"]).array
        macs = config.macs_per_cycle
        clock = float(row["fmax_worst"])
        used = " / ".join(f"{100 * _utilisation(config, size):.1f} %" for size in (64, 256))
        lines.append(
            f"| {_name(row)} | {row['device']} | {int(row['lut4_equivalent']):,} "
            f"| {int(row['lut4_equivalent']) / macs:.1f} | {int(row['ff']):,} | {row['dsp']} "
            f"| {row['bram']} | {clock:.1f} | {macs} | {2 * macs * clock / 1000:.1f} | {used} |"
        )
    return "\n".join([*lines, "", _tools(rows)])


def update(path: Path, mark: str, table: str) -> bool:
    """Put ``table`` between the marks ``mark`` and ``end`` of a page; whether it changed."""
    text = path.read_text(encoding="utf-8")
    new, count = re.subn(
        rf"(<!-- {mark} -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}{table}\n{match[2]}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"{path.name}: must have the marks of the table once, not {count} times")
    path.write_text(new, encoding="utf-8")
    return new != text


def job() -> int:
    """Mark what synth/history.csv has of earlier hardware, and write both tables."""
    with progress(console, "elaborating what synth/history.csv has"):
        mark_earlier()
    for page, table in ((README, machines), (FIGURES, configurations)):
        changed = update(page, table.__name__, table())
        console.print(f"{page.name} {'changed' if changed else 'is up to date'}")
    return 0


if __name__ == "__main__":
    main(job)
