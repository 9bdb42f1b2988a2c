"""Picture of the wavefront in systolic arrays, from configurations. Drawn by ``make docs``."""

from insitu.hdl.config import ArrayConfig, load
from insitu.hdl.support.cli import main

from ...simulators import ROOT
from .svg import SHADES, Drawing, arrow, cell, framed, save, text

__all__ = ["PAGE", "beat_at", "picture"]

PAGE = ROOT / "docs" / "wavefront.svg"
BEATS, CYCLE = 3, 2  # beats of the picture; the cycle that is drawn large
WIDE, HIGH, SMALL = 52, 32, 17  # of a PE, large and small
LEFT, WIDTH = 16, 920
ACROSS = 5  # frames side by side


def beat_at(config: ArrayConfig, row: int, col: int, cycle: int) -> int:
    """Which beat PE (row, col) works on, if PE (0, 0) works on beat 0 in cycle 0."""
    return cycle - row - col // config.col_group


def _pe(config: ArrayConfig, row: int, col: int) -> tuple[str, str]:
    """What is in a PE in the cycle that is drawn large, and its colour."""
    beat = beat_at(config, row, col, CYCLE)
    busy = 0 <= beat < BEATS
    word = f"B[{row}][{col}]" if config.flow == "ws" else f"k = {beat}" if busy else ""
    return word, SHADES[beat] if busy else "white"


def _large(config: ArrayConfig, x: float, y: float) -> Drawing:
    """The array, and what is on its way into it: as far away as it has cycles to go."""
    for row in range(config.rows):
        top = y + HIGH * row
        for col in range(config.cols):
            yield cell(x + WIDE * col, top, WIDE - 4, HIGH - 4, *_pe(config, row, col))
        for beat in range(BEATS):
            away = beat - beat_at(config, row, 0, CYCLE)
            if away > 0:
                name = f"A[{beat}][{row}]" if config.flow == "ws" else f"A[{row}][{beat}]"
                at = x - 18 - WIDE * away
                yield cell(at, top, WIDE - 4, HIGH - 4, name, SHADES[beat])
        yield arrow(x - 18, top + HIGH / 2 - 2, x - 4, top + HIGH / 2 - 2)
    bottom = y + HIGH * config.rows
    for col in range(config.cols):
        middle = x + WIDE * col + WIDE / 2 - 2
        if config.flow == "ws":
            yield arrow(middle, bottom - 2, middle, bottom + 14)
            continue
        yield arrow(middle, y - 18, middle, y - 4)
        for beat in range(BEATS):
            away = beat - beat_at(config, 0, col, CYCLE)
            if away > 0:
                place = (x + WIDE * col, y - 18 - HIGH * away, WIDE - 4, HIGH - 4)
                yield cell(*place, f"B[{beat}][{col}]", SHADES[beat])


def _frames(config: ArrayConfig, x: float, y: float) -> Drawing:
    """The array cycle by cycle: the number of the beat in each PE."""
    step = SMALL * config.cols + 16
    for cycle in range(BEATS + config.rows + config.col_groups - 2):
        left = x + step * (cycle % ACROSS)
        top = y + (SMALL * config.rows + 30) * (cycle // ACROSS)
        yield text(left + SMALL * config.cols / 2, top - 5, f"cycle {cycle}")
        for row in range(config.rows):
            for col in range(config.cols):
                beat = beat_at(config, row, col, cycle)
                busy = 0 <= beat < BEATS
                place = (left + SMALL * col, top + SMALL * row, SMALL, SMALL)
                yield cell(*place, str(beat) if busy else "", SHADES[beat] if busy else "white")


def _half(config: ArrayConfig, y: float, title: str, lines: tuple[str, ...], above: int) -> Drawing:
    """One dataflow: its title, the array large, and its cycles."""
    yield text(LEFT, y + 18, title, size=14, bold=True, anchor="start")
    most = BEATS - 1 - beat_at(config, config.rows - 1, 0, CYCLE)
    x = LEFT + 18 + WIDE * most
    yield from _large(config, x, y + above)
    right = x + WIDE * config.cols + 36
    for number, line in enumerate(lines):
        yield text(right, y + 18 + 17 * number, line, anchor="start")
    yield from _frames(config, right, y + 18 + 17 * len(lines) + 14)


def picture() -> str:
    """The SVG."""
    outer, weights = load("os-tiny").array, load("ws-tiny").array
    rows, cols = outer.rows, outer.cols
    skew = (
        f"Row r of the array is fed r cycles late. At the left, cycle {CYCLE} and what enters next."
    )
    above = 40 + HIGH * (BEATS - 1 - beat_at(outer, 0, outer.cols - 1, CYCLE))
    half = above + HIGH * rows + 34
    parts = [
        *_half(
            outer, 0, f"output-stationary, {rows} × {cols}",
            (skew, "Column c of B enters c cycles late, so both elements of a k meet in each PE,",
             "which keeps its sum. Below, cycle by cycle: the k that a PE works on."), above,
        ),
        *_half(
            weights, half, f"weight-stationary, {weights.rows} × {weights.cols}",
            (skew, "Weights stay; row r has k = r. Sums go down and meet the next k of their m.",
             "Below, cycle by cycle: the m, a row of A, that a PE works on."), 60,
        ),
    ]  # fmt: skip
    title = "Which beat each PE of a systolic array works on, cycle by cycle: a diagonal moves"
    return framed(title, WIDTH, half + 60 + HIGH * weights.rows + 90, parts)


def job() -> int:
    save(PAGE, picture())
    return 0


if __name__ == "__main__":
    main(job)
