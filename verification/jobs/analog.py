"""``make analog``: how well the digits network does on analog cells and coarse converters.

``python -m insitu.verification.jobs.analog`` writes the tables and plots of docs/analog.md.
"""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from insitu.hdl.config import CimConfig, Config, UserError, load
from insitu.hdl.support.files import private_folder
from insitu.hdl.support.progress import progress, spent
from insitu.program.layers import Dense
from insitu.sim_models import digits
from insitu.sim_models.analog import Analog, Noise

from .. import simulators
from . import report

__all__ = ["NOISES", "accuracies", "analog", "draw", "rows_of"]

BITS = range(2, 9)
SEEDS = 3  # chips of each kind
NOISES = {
    "no noise, no clip": Noise(),
    "no noise": Noise(),
    "σ cell 0.1": Noise(sigma_cell=0.1),
    "σ cell 0.3": Noise(sigma_cell=0.3),
    "σ out 0.5": Noise(sigma_out=0.5),
    "σ out 2": Noise(sigma_out=2.0),
    "on/off 20": Noise(on_off=20.0),
}
"""All but the first with the clip at which a converter's step is one cell."""


def _tile(config: Config, bits: int, rows: int, clips: bool) -> CimConfig:
    """The configuration's tile with converters of ``bits``, or as many as are of use.

    If it ``clips``, a count beyond the converter's codes is its largest one; otherwise its step
    grows until all rows are told.
    """
    tile, most = config.cim, rows or config.cim.rows
    bits = min(bits, most.bit_length())
    clip = min(most, (1 << bits) - 1) if clips else 0
    return replace(tile, slice_bits=0, adc_bits=bits, adc_rows=rows, adc_clip=clip)


def accuracies(
    config: Config, bits: int, name: str, *, rows: int = 0, count: int = 360
) -> list[float]:
    """Accuracy of the digits network on ``count`` test images, of each of some chips.

    ``name``: of ``NOISES``. ``rows``: read out together, 0: all of the tile. Without noise one chip
    is like the other.
    """
    network, _ = digits.load(signed=False)
    _, _, x, y = digits.images()
    x, y = x[:count], y[:count]
    tile = _tile(config, bits, rows, "no clip" not in name)
    noise = NOISES[name]
    found = []
    for seed in range(1 if noise == Noise() else SEEDS):
        kind = replace(noise, seed=seed)

        def gemm(layer: Dense, a: digits.Ints, kind: Noise = kind) -> digits.Ints:
            return Analog(tile, layer.b, kind).gemm(a, tile.act_bits, False)

        found.append(digits.accuracy(network.run(x, gemm), y))
    return found


def sweep(config: Config, *, rows: int, count: int) -> dict[str, list[list[float]]]:
    """Accuracies by noise and bits of the converter."""
    found: dict[str, list[list[float]]] = {}
    began = time.monotonic()
    chips = sum(1 if noise == Noise() else SEEDS for noise in NOISES.values())
    report.console.print(
        f"{len(NOISES)} lines of the table, {len(BITS)} converters each; minutes on small tiles"
    )
    with progress(report.console, "digits on analog cells", chips * len(BITS)) as work:
        for name, noise in NOISES.items():
            found[name] = []
            for bits in BITS:
                work.say(f"digits on analog cells: {name}, {bits} bits")
                found[name].append(accuracies(config, bits, name, rows=rows, count=count))
                work.advance(1 if noise == Noise() else SEEDS)
            took = spent(time.monotonic() - began)
            report.console.print(f"{len(found)} of {len(NOISES)}, {name}: done after {took}")
    return found


def analog(config: Config, *, rows: int, count: int) -> int:
    """Table, plot and report; the exit status."""
    if config.core.table != "cim" or (config.cim.act_bits, config.cim.weight.bits) != (8, 8):
        raise UserError(f"CONFIG: must have a table [cim] with 8-bit operands, not {config.name}")
    if not 0 <= rows <= config.cim.rows:
        raise UserError(f"--rows: must be from 0 to {config.cim.rows}, not {rows}")
    read = rows or config.cim.rows
    folder = report.place("analog", config, f"digits-{read}")
    with private_folder(folder) as work:
        found = sweep(config, rows=rows, count=count)
        means = _means(found)
        result: dict[str, Any] = report.header("analog", config) | {
            "images": count,
            "rows_per_adc": read,
            "adc_bits": list(BITS),
            "noises": {name: asdict(noise) for name, noise in NOISES.items()},
            "accuracy": found,
        }
        report.write(work, result)
        draw(means, read, work / "accuracy.svg")
    report.table(
        f"Accuracy of the digits network, {read} rows per converter",
        ["noise", *(f"{bits} bits" for bits in BITS)],
        [[name, *row] for name, row in means.items()],
    )
    report.console.print(
        f"report: {folder / 'report.json'}\nplot: {folder / 'accuracy.svg'}", soft_wrap=True
    )
    return 0


def _means(found: dict[str, list[list[float]]]) -> dict[str, list[float]]:
    return {name: [float(np.mean(x)) for x in row] for name, row in found.items()}


def rows_of(means: dict[str, list[float]]) -> list[str]:
    """The table of docs/analog.md, line by line."""
    lines = [f"| | {' | '.join(f'{bits} bits' for bits in BITS)} |", "|---|" + "--:|" * len(BITS)]
    for name, row in means.items():
        lines.append(f"| {name} | {' | '.join(f'{100 * x:.1f}' for x in row)} |")
    return lines


def draw(means: dict[str, list[float]], rows: int, path: Path) -> None:
    """Accuracy against bits of the converter, a line per kind of noise, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams["svg.hashsalt"] = "insitu"
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for mark, (name, row) in zip("xosv^D*", means.items(), strict=True):
        axes.plot(list(BITS), row, marker=mark, label=name)
    axes.set_xlabel(f"bits of the converter that reads {rows} rows")
    axes.set_ylabel("accuracy on the test images")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write_docs() -> None:
    """Tables and plots of docs/analog.md, between their markers."""
    docs = simulators.ROOT / "docs"
    page = docs / "analog.md"
    text = page.read_text(encoding="utf-8")
    config = load("cim-64x16")
    for rows in (64, 16):
        means = _means(sweep(config, rows=rows, count=360))
        draw(means, rows, docs / f"analog-{rows}.svg")
        start, end = f"<!-- {rows} rows -->\n", "<!-- end -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = before + start + "\n".join(rows_of(means)) + "\n" + end + after
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_docs()
