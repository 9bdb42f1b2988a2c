"""Picture of the loops over blocks in both orders, from a configuration. Drawn by ``make docs``."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from insitu.hdl.config import load
from insitu.hdl.config.fields import ceil_div
from insitu.hdl.support.cli import main
from insitu.program.blocks import blocks_of, fits
from insitu.program.descriptor import Descriptor
from insitu.sim_models.traffic import counters

from ...simulators import ROOT
from .svg import PALE, SHADES, Drawing, cell, framed, save, text

__all__ = ["PAGE", "Step", "picture", "steps"]

PAGE = ROOT / "docs" / "loops.svg"
CONFIG = load("ws-8x8").shell
JOB = Descriptor(m=64, n=96, k=256, m_block=32, n_block=32, k_block=128)
STEP, SIDE, HIGH = 50, 38, 28
TIME, WIDTH, TALL = 346, 960, 244


@dataclass(frozen=True)
class Step:
    """A step: its block of C, its part along K, and which operands' blocks are fetched for it."""

    m: int
    n: int
    k: int
    a: bool
    b: bool


def steps(job: Descriptor) -> Iterator[Step]:
    """The steps of a descriptor in their order."""
    blocks = blocks_of(CONFIG, job)
    assert fits(CONFIG, job)
    rows, cols = range(ceil_div(job.m, blocks.m)), range(ceil_div(job.n, blocks.n))
    pairs = [(m, n) for m in rows for n in cols]
    if job.order == 0:
        pairs = [(m, n) for n in cols for m in rows]
    for m, n in pairs:
        for k in range(ceil_div(job.k, blocks.k)):
            a, b = n == 0 or not blocks.a_kept, m == 0 or not blocks.b_kept
            yield Step(m, n, k, a, b)


def _grid(x: float, y: float, rows: int, cols: int, words: dict[tuple[int, int], str]) -> Drawing:
    for (row, col), word in words.items():
        assert row < rows
        assert col < cols
        yield cell(x + SIDE * col, y + HIGH * row, SIDE, HIGH, word, PALE)


def _matrices(job: Descriptor, y: float) -> Drawing:
    """A, B above and C, cut into blocks; in C the order in which they are computed."""
    all_steps = list(steps(job))
    rows, cols, parts = (1 + max(getattr(x, name) for x in all_steps) for name in "mnk")
    done = list(dict.fromkeys((x.m, x.n) for x in all_steps))
    left, middle, low = 16, 16 + SIDE * parts + 34, y + HIGH * parts + 36
    yield text(left + SIDE * parts / 2, low - 6, f"A: {job.m} × {job.k}")
    yield text(middle + SIDE * cols / 2, y - 6, f"B: {job.k} × {job.n}")
    yield text(middle + SIDE * cols / 2, low - 6, f"C: {job.m} × {job.n}")
    a = {(m, k): f"{m},{k}" for m in range(rows) for k in range(parts)}
    b = {(k, n): f"{k},{n}" for n in range(cols) for k in range(parts)}
    c = {(m, n): f"{1 + done.index((m, n))}." for m, n in done}
    yield from _grid(left, low, rows, parts, a)
    yield from _grid(middle, y, parts, cols, b)
    yield from _grid(middle, low, rows, cols, c)


def _time(job: Descriptor, y: float) -> Drawing:
    """A column per step: what is fetched for it, and the block of C that it adds to."""
    all_steps = list(steps(job))
    rows, cols = 1 + max(x.m for x in all_steps), 1 + max(x.n for x in all_steps)
    last = max(x.k for x in all_steps)
    for line, word in enumerate(("fetched of A", "fetched of B", "sums of C", "stored")):
        yield text(TIME - 8, y + 34 * line + 18, word, anchor="end")
    for number, x in enumerate(all_steps):
        at = TIME + STEP * number
        block = 1 + (x.m * cols + x.n if job.order else x.n * rows + x.m)
        for line, (fetched, name) in enumerate(((x.a, f"{x.m},{x.k}"), (x.b, f"{x.k},{x.n}"))):
            place = (at, y + 34 * line, STEP - 4, HIGH)
            yield cell(*place, name, SHADES[line]) if fetched else cell(*place, "kept", "#ddd")
        yield cell(at, y + 68, STEP - 4, HIGH, f"{block}.", PALE)
        if x.k == last:
            yield cell(at, y + 102, STEP - 4, HIGH, f"{block}.", SHADES[2])


def _half(job: Descriptor, y: float) -> Drawing:
    moved = counters(CONFIG, job)
    found = list(steps(job))
    size = job.m_block * job.k_block, job.n_block * job.k_block
    fetched = sum(x.a for x in found) * size[0], sum(x.b for x in found) * size[1]
    # What is drawn is what the exact model counts.
    assert fetched == (moved["a_elements"], moved["b_elements"])
    times = fetched[0] // (job.m * job.k), fetched[1] // (job.n * job.k)
    loops = "m, n, k" if job.order else "n, m, k"
    yield text(16, y + 22, f"order {job.order}: {loops}", size=14, bold=True, anchor="start")
    words = ("once" if x == 1 else f"{x} times" for x in times)
    told = "A is fetched {}, B {}".format(*words)
    yield text(TIME, y + 58, f"step after step, from left to right; {told}", anchor="start")
    yield text(16, y + 42, "in a block: its row, column; of C its turn", anchor="start")
    yield from _matrices(job, y + 74)
    yield from _time(job, y + 74)


def picture() -> str:
    """The SVG."""
    parts = [x for order in (0, 1) for x in _half(replace(JOB, order=order), TALL * order)]
    title = "Blocks of A, B and C in both orders, and which of them are fetched for each step"
    return framed(title, WIDTH, 2 * TALL, parts)


def job() -> int:
    save(PAGE, picture())
    return 0


if __name__ == "__main__":
    main(job)
