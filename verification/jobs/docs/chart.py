"""Picture of what crosses the bus, cycle by cycle, drawn from a simulation by ``make docs``."""

import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

from insitu.hdl.config import load
from insitu.hdl.support.cli import main
from insitu.program.descriptor import Descriptor
from insitu.program.place import placed
from insitu.sim_models.exact import planned

from ...bench.machine_run import MachineRunner
from ...bench.workload import Work, with_matrices
from ...simulators import ROOT

__all__ = ["PAGE", "chart"]

PAGE = ROOT / "docs" / "bus.svg"
SIZE = 32  # of both GEMMs
SIGNALS = {
    "ar": ("m_arvalid", "m_arready", "m_araddr"),
    "r": ("m_rvalid", "m_rready", "m_rlast"),
    "aw": ("m_awvalid", "m_awready", "m_awaddr"),
    "w": ("m_wvalid", "m_wready", "m_wlast"),
    "b": ("m_bvalid", "m_bready", "m_bvalid"),
}
LABELS = {
    "ar": "read addresses",
    "r": "read words",
    "aw": "write addresses",
    "w": "write words",
    "b": "write responses",
}
COLOURS = {"A": "#3b6fb6", "B": "#d08a2e", "bias": "#7a5ca8", "C": "#3f8f5b"}
LEFT, ROW, SCALE, TOP = 150, 26, 0.62, 58  # pixels; SCALE: of a cycle


def _works() -> list[Work]:
    shell = load("ws-8x8", "generic").shell
    rng = np.random.default_rng(1)
    works, base = [], 0
    for _ in range(2):
        job = Descriptor(SIZE, SIZE, SIZE, format="int8", has_bias=True, scale=0.001)
        job, base = placed(shell, job, base)
        a, b = (rng.integers(-128, 128, (SIZE, SIZE)) for _ in range(2))
        bias = rng.integers(-1000, 1000, SIZE)
        works.append(with_matrices(shell, planned(shell, job, tries=32), a, b, bias=bias))
    return works


def _owner(works: list[Work], address: int) -> tuple[int, str]:
    """Which descriptor's matrix is at ``address``: the one that begins last before it."""
    starts = [
        (start, number, name)
        for number, work in enumerate(works)
        for name, start in (
            ("A", work.job.a), ("B", work.job.b), ("C", work.job.c), ("bias", work.job.bias),
        )
    ]  # fmt: skip
    _, number, name = max(entry for entry in starts if entry[0] <= address)
    return number, name


def _taken(works: list[Work], samples: list[list[int]]) -> Iterator[tuple[str, int, int, str]]:
    """Channel, cycle, descriptor and matrix of everything that is taken on the bus."""
    reads: list[tuple[int, str]] = []  # bursts under way, the oldest first
    writes: list[tuple[int, str]] = []
    answers: list[tuple[int, str]] = []
    places = {name: 1 + 3 * n for n, name in enumerate(SIGNALS)}
    for sample in samples:
        for channel, place in places.items():
            valid, ready, value = sample[place : place + 3]
            if not valid or not ready:
                continue
            if channel in ("ar", "aw"):
                owner = _owner(works, value)
                (reads if channel == "ar" else writes).append(owner)
            elif channel == "r":
                owner = reads.pop(0) if value else reads[0]
            elif channel == "w":
                owner = writes[0]
                if value:
                    answers.append(writes.pop(0))
            else:
                owner = answers.pop(0)
            yield channel, sample[0], *owner


def chart() -> str:
    """SVG of two GEMMs that are posted one after the other."""
    works = _works()
    with tempfile.TemporaryDirectory() as folder:
        runner = MachineRunner(load("ws-8x8", "generic"), "verilator", Path(folder))
        names = [name for group in SIGNALS.values() for name in group]
        done = runner.run(works, trace=names)
        done.check(works)
        lines = (Path(folder) / "trace.txt").read_text(encoding="utf-8").splitlines()
    taken = list(_taken(works, [[int(x) for x in line.split()] for line in lines]))
    start = done.posted[0]
    ends = [at + c["cycles"] for at, c in zip(done.posted, done.counters, strict=True)]
    width = LEFT + SCALE * (ends[-1] - start + 30)
    height = TOP + ROW * len(SIGNALS) + 40

    def x(cycle: float) -> str:
        return f"{LEFT + SCALE * (cycle - start):.1f}"

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    at = LEFT
    for name, colour in COLOURS.items():
        out.append(f'<rect x="{at}" y="8" width="12" height="12" fill="{colour}"/>')
        out.append(f'<text x="{at + 16}" y="18">{name}</text>')
        at += 60
    out.append(f'<text x="{at}" y="18">pale: of the second GEMM</text>')
    for number, (posted, end) in enumerate(zip(done.posted, ends, strict=True)):
        for cycle, what in ((posted, "doorbell"), (end, "completion")):
            out.append(
                f'<line x1="{x(cycle)}" x2="{x(cycle)}" y1="{TOP - 6}" '
                f'y2="{TOP + ROW * len(SIGNALS)}" stroke="#999" stroke-dasharray="3 3"/>'
            )
            side = "start" if what == "doorbell" else "end"
            line = 36 + 13 * number
            out.append(
                f'<text x="{x(cycle)}" y="{line}" text-anchor="{side}">{what} {number}</text>'
            )
    for row, channel in enumerate(SIGNALS):
        y = TOP + ROW * row
        out.append(f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{LABELS[channel]}</text>')
        out.append(
            f'<line x1="{LEFT}" x2="{width:.0f}" y1="{y + 20}" y2="{y + 20}" stroke="#ddd"/>'
        )
        here = [(cycle, number, name) for c, cycle, number, name in taken if c == channel]
        # Consecutive cycles of one owner are one bar.
        for (_, number, name), group in groupby(
            enumerate(here), lambda e: (e[1][0] - e[0], e[1][1], e[1][2])
        ):
            cycles = [cycle for _, (cycle, _, _) in group]
            out.append(
                f'<rect x="{x(cycles[0])}" y="{y + 4}" width="{SCALE * len(cycles):.1f}" '
                f'height="16" fill="{COLOURS[name]}" fill-opacity="{0.45 if number else 1}"/>'
            )
    y = TOP + ROW * len(SIGNALS)
    for cycle in range(0, ends[-1] - start + 1, 100):
        out.append(f'<text x="{x(start + cycle)}" y="{y + 16}" text-anchor="middle">{cycle}</text>')
    out.append(f'<text x="{LEFT}" y="{y + 32}">cycles</text>')
    return "\n".join([*out, "</svg>", ""])


def job() -> int:
    PAGE.write_text(chart(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    main(job)
