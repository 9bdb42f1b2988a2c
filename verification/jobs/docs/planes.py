"""Picture of a vector's planes in a compute-in-memory tile, by a configuration: ``make docs``."""

from dataclasses import replace

import numpy as np

from insitu.hdl.config import load
from insitu.hdl.support.cli import main
from insitu.sim_models.cim import planes_done, product

from ...simulators import ROOT
from .svg import PALE, SHADES, Drawing, arrow, box, cell, framed, save, text

__all__ = ["PAGE", "picture", "planes"]

PAGE = ROOT / "docs" / "planes.svg"
TILE = load("cim-64x16").cim
ACTIVATIONS, WEIGHTS = (5, -11, 20, 4), (7, -3, 2, -6)  # of the rows that are drawn
SIDE, HIGH = 62, 30
LEFT, TOP, WIDTH = 176, 78, 860


def planes() -> list[tuple[list[int], int, int]]:
    """By plane, the highest first: its bits, the sum of weights at its ones, all sums so far."""
    found, total = [], 0
    for plane in reversed(range(TILE.act_bits)):
        bits = [a >> plane & 1 for a in ACTIVATIONS]
        column = sum(w for bit, w in zip(bits, WEIGHTS, strict=True) if bit)
        sign = -1 if plane == TILE.act_bits - 1 else 1
        total = 2 * total + sign * column
        found.append((bits, column, total))
    return found


def _rows(found: list[tuple[list[int], int, int]]) -> Drawing:
    """Activations, their bits and the weight at each row's gate."""
    last = LEFT + SIDE * len(found)
    for row, (a, w) in enumerate(zip(ACTIVATIONS, WEIGHTS, strict=True)):
        y = TOP + HIGH * row
        yield text(LEFT - 12, y + 19, f"a[{row}] = {a}".replace("-", "−"), anchor="end")
        for place, (bits, _, _) in enumerate(found):
            fill = SHADES[0] if bits[row] else "white"
            skipped = TILE.skip and not any(bits)
            yield cell(LEFT + SIDE * place, y, SIDE - 6, HIGH - 4, str(bits[row]),
                       "#ddd" if skipped else fill)  # fmt: skip
        yield arrow(last + 2, y + HIGH / 2 - 2, last + 26, y + HIGH / 2 - 2)
        yield cell(last + 30, y, 40, HIGH - 4, f"{w}".replace("-", "−"), SHADES[1])


def picture() -> str:
    """The SVG."""
    found = planes()
    a, w = np.array(ACTIVATIONS), np.array(WEIGHTS)[:, None]
    (whole,) = product(replace(TILE, rows=len(a)), a & 255, w, TILE.act_bits, True)
    assert found[-1][2] == whole == a @ w[:, 0]
    low = TOP + HIGH * len(ACTIVATIONS)
    last = LEFT + SIDE * len(found)
    done = planes_done(TILE, a & 255, TILE.act_bits)
    parts = [
        text(16, 24, "one vector, one column: a plane per cycle", size=14, bold=True,
             anchor="start"),
        text(LEFT - 12, TOP - 10, "plane", anchor="end"),
        text(last + 50, TOP - 10, "weights w"),
        text(LEFT - 12, low + 29, "Σ of w where the bit is 1", anchor="end"),
        text(LEFT - 12, low + 69, "c becomes 2·c ± Σ", anchor="end"),
        *_rows(found),
    ]  # fmt: skip
    cycle = 0
    for place, (bits, column, total) in enumerate(found):
        x, plane = LEFT + SIDE * place, TILE.act_bits - 1 - place
        middle = x + SIDE / 2 - 3
        parts.append(text(middle, TOP - 10, f"{plane}"))
        if TILE.skip and not any(bits):
            parts += [text(middle, low + 29, "skipped"), text(middle, low + 69, "2·c")]
            continue
        cycle += 1
        sign = "−" if plane == TILE.act_bits - 1 else "+"
        sums, so_far = (f"{x}".replace("-", "−") for x in (column, total))
        parts += [
            text(middle, TOP - 28, f"cycle {cycle}"),
            cell(x, low + 12, SIDE - 6, HIGH - 4, sums, PALE),
            cell(x, low + 52, SIDE - 6, HIGH - 4, so_far, SHADES[2]),
            text(middle, low + 49, sign, size=14, bold=True),
        ]
    parts += [
        box(last + 14, low + 8, 150, 74, "#f4f4f4"),
        text(last + 89, low + 28, "the last c is"),
        text(last + 89, low + 48, f"Σ a·w = {whole}".replace("-", "−"), bold=True),
        text(last + 89, low + 68, f"after {done} of {len(found)} planes"),
    ]
    title = "A vector's bit planes enter a column of a compute-in-memory tile, the highest first"
    return framed(title, WIDTH, low + 96, parts)


def job() -> int:
    save(PAGE, picture())
    return 0


if __name__ == "__main__":
    main(job)
