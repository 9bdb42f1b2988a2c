"""``python -m insitu.synth.cim``: the compute-in-memory tile beside arrays without DSPs, measured.

Both of the same widths of activations and weights, on the same device: products per second and
LUT4 equivalent. Writes ``synth/cim.csv``, and the table of ``docs/cim.md`` from it; with ``--docs``
only that. A tile has 32 × 8 weights in 16 banks, an array 8 × 8 multipliers in LUTs.
"""

import argparse
import csv
from pathlib import Path

from rich.console import Console

from insitu.hdl.config import ArrayConfig, CimConfig, Config
from insitu.hdl.support.cli import integer, main

from . import docs
from .devices import DEVICES
from .flow import SEEDS, place, synthesise

__all__ = ["table"]

TABLE = Path(__file__).with_name("cim.csv")
PAGE = docs.README.parent / "docs" / "cim.md"
DEVICE = DEVICES["ecp5-85f"]
COLUMNS = ["act_bits", "weight_bits", "unit", "lut4_equivalent", "bank_luts", "macs", "fmax"]


def _configs(act: int, weight: int) -> dict[str, tuple[Config, float]]:
    """By unit: what is built, and its products per cycle."""
    tile = CimConfig(32, 8, act, f"int{weight}", target="ecp5")
    # The operand of fewer bits is recoded, so that multipliers have the fewest digits.
    a, b = f"int{weight}", f"uint{act}"
    if weight < act:
        a, b = b, a
    array = ArrayConfig(a_format=a, b_format=b, zero_points=False, target="ecp5", multiplier="lut")
    return {
        "tile": (Config(f"cim-a{act}-w{weight}", tile), tile.cells / act),
        "array": (Config(f"ws-a{act}-w{weight}", array), array.macs_per_cycle),
    }


def measure(console: Console, jobs: int) -> None:
    """All of it, ``jobs`` seeds at a time: an hour or more. What was routed before is not again."""
    rows = []
    for weight in (4, 8):
        for act in (1, 2, 4, 8):
            for unit, (config, macs) in _configs(act, weight).items():
                design = synthesise(config, unit, DEVICE)
                cells = design.cells
                routed = place(design, DEVICE, SEEDS, lambda result: None, jobs=jobs)
                clock = min(r.fmax_mhz for r in routed)
                banks = 4 * cells["dist_ram"]
                luts = cells["lut4"] + 2 * cells["carry"] + banks
                values = (act, weight, unit, luts, banks, macs, f"{clock:.1f}")
                rows.append(dict(zip(COLUMNS, values, strict=True)))
                console.print(f"{config.name}: {luts:,} LUT4 equivalents, {clock:.1f} MHz")
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def table() -> str:
    """As a page shows it; a megaproduct per second and LUT4 equivalent is a product per µs."""
    lines = [
        "| bits of A × B | tile: LUT4 eq. | of these banks | products/cycle | MHz "
        "| products/µs/LUT | without banks | array: LUT4 eq. | MHz | products/µs/LUT |",
        "|---|" + "--:|" * 9,
    ]
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for tile, array in zip(rows[0::2], rows[1::2], strict=True):
        shown = []
        for row in (tile, array):
            rate = float(row["macs"]) * float(row["fmax"])
            luts = int(row["lut4_equivalent"])
            shown.append((rate / luts, rate / (luts - int(row["bank_luts"])), luts, row["fmax"]))
        whole, bare, luts, clock = shown[0]
        lines.append(
            f"| {tile['act_bits']} × {tile['weight_bits']} | {luts:,} "
            f"| {int(tile['bank_luts']):,} | {float(tile['macs']):.0f} | {clock} | {whole:.2f} "
            f"| {bare:.2f} | {shown[1][2]:,} | {shown[1][3]} | {shown[1][0]:.2f} |"
        )
    return "\n".join(lines)


def job() -> int:
    parser = argparse.ArgumentParser(prog="python -m insitu.synth.cim", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="only write the table from cim.csv")
    parser.add_argument("--jobs", type=integer(1), default=2, help="seeds placed at a time")
    console = Console(highlight=False)
    args = parser.parse_args()
    if not args.docs:
        measure(console, args.jobs)
    changed = docs.update(PAGE, "comparison", table())
    console.print(f"docs/cim.md {'changed' if changed else 'is up to date'}")
    return 0


if __name__ == "__main__":
    main(job)
