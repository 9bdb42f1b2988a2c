"""What the pictures of docs/ are drawn with: SVG that reads the same on light and dark pages."""

from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = [
    "INK",
    "LINE",
    "MEMORY",
    "MOVE",
    "PALE",
    "PE",
    "SHADES",
    "Drawing",
    "arrow",
    "box",
    "cell",
    "framed",
    "save",
    "text",
]

INK, LINE, MOVE = "#222", "#555", "#3f8f5b"
PE, MEMORY, PALE = "#3b6fb6", "#d08a2e", "#f3dfc0"
SHADES = ("#3b6fb6", "#a8641a", "#2f7a4b", "#7a5ca8", "#b5495b", "#2f7480", "#7a6a1e", "#5b5b5b")
"""Of things that are told apart by number; white letters can be read on each."""

Drawing = Iterator[str]


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 12,
    bold: bool = False,
    anchor: str = "middle",
    fill: str = "",
) -> str:
    """Words, the baseline at ``y``."""
    weight = ' font-weight="bold"' if bold else ""
    colour = f' fill="{fill}"' if fill else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{weight}{colour}>'
        f"{words}</text>"
    )


def box(
    x: float,
    y: float,
    w: float,
    h: float,
    fill: str = "white",
    line: str = LINE,
    *,
    radius: int = 3,
) -> str:
    """A rectangle with a line around it."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{radius}" fill="{fill}" '
        f'stroke="{line}"/>'
    )


def cell(x: float, y: float, w: float, h: float, words: str, fill: str = "white") -> str:
    """A rectangle with a word in it, white on anything but white and pale colours."""
    light = fill in ("white", PALE, "#f4f4f4", "#ddd")
    shown = text(x + w / 2, y + h / 2 + 4, words, fill=INK if light else "white") if words else ""
    return box(x, y, w, h, fill, radius=1) + shown


def arrow(x1: float, y1: float, x2: float, y2: float, *, both: bool = False) -> str:
    """A line with a tip at its end, or at both."""
    start = ' marker-start="url(#tip)"' if both else ""
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{MOVE}" '
        f'stroke-width="1.5" marker-end="url(#tip)"{start}/>'
    )


def framed(title: str, width: int, height: int, parts: Sequence[str]) -> str:
    """The whole file: ``parts`` on white, so that a dark page does not swallow lines and letters.

    ``title`` is what a screen reader says.
    """
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif" fill="{INK}">',
            f"<title>{title}</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" '
            'markerHeight="5" orient="auto-start-reverse">'
            f'<path d="M0 0 8 4 0 8z" fill="{MOVE}"/></marker></defs>',
            '<rect width="100%" height="100%" fill="white"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def save(page: Path, picture: str) -> None:
    """Write a picture where ``make docs`` keeps it."""
    page.write_text(picture, encoding="utf-8")
