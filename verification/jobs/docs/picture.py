"""Picture of a machine: one shell, and the engines that fit into it. Drawn by ``make docs``."""

from collections.abc import Callable, Iterator

from insitu.hdl.support.cli import main
from insitu.program.descriptor import Descriptor

from ...simulators import ROOT
from .svg import MEMORY, MOVE, PALE, PE, Drawing, arrow, box, framed, save, text

__all__ = ["PAGE", "picture"]

PAGE = ROOT / "docs" / "machine.svg"
WIDTH, HEIGHT = 960, 452


def _grid(x: float, y: float, step: float = 36) -> Iterator[tuple[float, float]]:
    for row in range(3):
        for col in range(3):
            yield x + step * col, y + step * row


def _lanes(x: float, y: float) -> Drawing:
    """Multipliers that fetch both operands of each product."""
    yield box(x, y, 128, 18, MEMORY)
    for lane in range(4):
        at = x + 34 * lane
        yield box(at, y + 58, 26, 26, PE)
        yield arrow(at + 8, y + 20, at + 8, y + 54)
        yield arrow(at + 18, y + 20, at + 18, y + 54)


def _systolic(x: float, y: float) -> Drawing:
    """A grid of multipliers that pass on what they have used."""
    yield box(x - 4, y, 16, 98, MEMORY)
    for at, row in _grid(x + 32, y):
        yield box(at, row, 24, 24, PE)
        yield arrow(at - 12, row + 12, at - 2, row + 12)
        if row < y + 72:
            yield arrow(at + 12, row + 25, at + 12, row + 34)


def _mesh(x: float, y: float) -> Drawing:
    """Tiles with memories of their own, joined to their neighbours."""
    for row in range(2):
        for col in range(2):
            at, top = x + 4 + 66 * col, y + 54 * row
            yield box(at, top, 16, 40, MEMORY)
            yield box(at + 18, top, 28, 40, PE)
            if col:
                yield arrow(at - 18, top + 20, at - 3, top + 20)
            if row:
                yield arrow(at + 32, top - 13, at + 32, top - 2)


def _inbank(x: float, y: float) -> Drawing:
    """Memory banks with a multiplier at the end of each; activations go to all."""
    for bank in range(4):
        at = x + 34 * bank
        yield box(at, y, 26, 48, MEMORY)
        yield box(at, y + 50, 26, 22, PE)
        yield arrow(at + 13, y + 90, at + 13, y + 75)
    yield f'<line x1="{x}" y1="{y + 91}" x2="{x + 128}" y2="{y + 91}" stroke="{MOVE}"/>'


def _cim(x: float, y: float) -> Drawing:
    """Cells that keep a bit and multiply it, and an adder tree below each column."""
    for row in range(4):
        yield arrow(x, y + 9 + 19 * row, x + 14, y + 9 + 19 * row)
        for col in range(6):
            at, top = x + 18 + 18 * col, y + 19 * row
            yield box(at, top, 15, 16, MEMORY)
            yield f'<circle cx="{at + 7.5}" cy="{top + 8}" r="4" fill="{PE}"/>'
    yield box(x + 18, y + 80, 105, 16, "#ddd")
    yield text(x + 70, y + 92, "adder trees", size=11)


ENGINES: tuple[tuple[str, str, str, Callable[[float, float], Drawing]], ...] = (
    ("scalar, SIMD", "both operands come from", "memory for each product", _lanes),
    ("systolic array", "operands pass from", "multiplier to multiplier", _systolic),
    ("mesh of tiles", "B in each tile's memory,", "neighbours pass A and sums", _mesh),
    ("in-bank", "B stays in its bank,", "A is broadcast", _inbank),
    ("compute in memory", "B beside one-gate multipliers,", "A comes bit by bit", _cim),
)


def picture() -> str:
    """The SVG."""
    words = len(Descriptor(1, 1, 1).words())
    out = [
        box(8, 44, 170, 92),
        text(93, 78, "your software", size=14, bold=True),
        text(93, 98, f"a descriptor of {words} words"),
        text(93, 116, "status and counters back"),
        arrow(182, 90, 256, 90, both=True),
        text(219, 80, "AXI4-Lite"),
        box(262, 14, 436, 146, "#f4f4f4"),
        text(480, 36, "shell: the same in every machine", size=14, bold=True),
    ]
    parts = ("queue, checks", "block loops", "fetch", "sums", "scale, clamp, store", "counters")
    for number, part in enumerate(parts):
        x, y = 274 + 140 * (number % 3), 50 + 52 * (number // 3)
        out += [box(x, y, 132, 40), text(x + 66, y + 25, part)]
    out += [
        arrow(704, 90, 776, 90, both=True),
        text(740, 80, "AXI4"),
        box(782, 44, 170, 92, PALE),
        text(867, 78, "memory", size=14, bold=True),
        text(867, 98, "A, B, D, bias, scale read"),
        text(867, 116, "C written"),
        arrow(440, 164, 440, 200),
        text(396, 186, "operands"),
        arrow(520, 200, 520, 164),
        text(576, 186, "rows of sums"),
        box(8, 204, 944, 240, "#f4f4f4"),
        text(480, 226, "engine: one of these", size=14, bold=True),
    ]
    for number, (name, first, second, draw) in enumerate(ENGINES):
        x = 16 + 186 * number
        out += [
            box(x, 236, 182, 200),
            text(x + 91, 256, name, size=13, bold=True),
            *draw(x + 28, 274),
            text(x + 91, 404, first),
            text(x + 91, 422, second),
        ]
    title = "A machine: software, shell, memory, and one of five kinds of engine"
    return framed(title, WIDTH, HEIGHT, out)


def job() -> int:
    save(PAGE, picture())
    return 0


if __name__ == "__main__":
    main(job)
