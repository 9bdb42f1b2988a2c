"""Pieces of the page of `make compare`: its style, tables, figures, lists."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from .tables import number

__all__ = ["STYLE", "figure", "folded", "listed", "plots", "spread", "table"]

STYLE = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { margin: 0; background: #fff; color: #1b1b1b; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 1200px; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0 }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .4rem; border-top: 1px solid #ccc; padding-top: .8rem }
p, li { max-width: 46rem }
ul { padding-left: 1.2rem }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
         gap: 1rem }
figure { margin: 0; min-width: 0 }
figure svg { width: 100%; height: auto; max-width: 34rem; display: block }
figcaption, .note { font-size: .875rem; color: #444 }
.table { overflow-x: auto; margin: .6rem 0; max-width: max-content;
         background: linear-gradient(to left, #bbb, #fff0) right / .8rem 100% no-repeat }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums;
        background: linear-gradient(to left, #fff, #fff) right / 1rem 100% no-repeat }
th, td { padding: .25rem .45rem; border-bottom: 1px solid #ddd; text-align: right;
         white-space: nowrap }
th:first-child, td:first-child, .text, .name { text-align: left }
th:first-child, td:first-child { position: sticky; left: 0; background: #fff;
                                 border-right: 1px solid #ddd }
small { color: #555 }
td.text { white-space: normal; min-width: 14rem }
thead th { border-bottom: 2px solid #888; vertical-align: bottom; white-space: normal;
           line-height: 1.25 }
tbody th { padding-top: .8rem; white-space: normal }
.stay { display: inline-block; position: sticky; left: .4rem; max-width: calc(100vw - 2rem) }
summary { cursor: pointer; font-weight: 600; margin: .6rem 0 }
.no { color: #b00020; font-weight: 600 }
code { font-size: .9em; overflow-wrap: anywhere }
@media (max-width: 40rem) {
  main { padding: .6rem }
  table { font-size: .8rem }
  th, td { padding: .2rem .4rem }
  td.text { min-width: 9rem }
}
""".strip()

Three = Sequence[float]


def spread(found: Three) -> tuple[float, float, float]:
    """A cell with the range below the value."""
    low, value, high = found
    return low, value, high


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        low, middle, high = (number(x) for x in value)
        return f"{middle}<br/><small>{low} – {high}</small>"
    if isinstance(value, bool):
        return "yes" if value else '<b class="no">no</b>'
    if isinstance(value, int):
        return f"{value:,}"
    return number(value) if isinstance(value, float) else escape(str(value))


def _kind(cells: Sequence[Any]) -> str:
    """Class of a column: words to the left, long ones on several lines; numbers to the right."""
    words = [x for x in cells if isinstance(x, str)]
    if any(len(x) > 40 for x in words):
        return ' class="text"'
    return ' class="name"' if any(x[:1].isalpha() for x in words) else ""


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], groups: Sequence[str] = ()) -> str:
    """Rows below their columns; first column stays where it is when a narrow screen scrolls.

    ``groups``: what each row belongs to, shown before the first row of each.
    """
    kinds = [_kind(cells) for cells in zip(*rows, strict=True)] or [""] * len(columns)
    head = "".join(f"<th{k}>{escape(x)}</th>" for k, x in zip(kinds, columns, strict=True))
    body, before = "", None
    for n, row in enumerate(rows):
        if groups and groups[n] != before:
            before = groups[n]
            span = f'<span class="stay">{escape(before)}</span>'
            body += f'<tr><th colspan="{len(columns)}">{span}</th></tr>'
        cells = "".join(f"<td{k}>{_cell(x)}</td>" for k, x in zip(kinds, row, strict=True))
        body += f"<tr>{cells}</tr>"
    return (
        f'<div class="table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def folded(summary: str, content: str) -> str:
    """Something long, to be opened by a reader who wants it."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def figure(svg: str, caption: str) -> str:
    """A plot and what it shows."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def plots(figures: Iterable[str]) -> str:
    """Figures side by side, as many as there is room for."""
    return f'<div class="plots">{"".join(figures)}</div>'


def listed(lines: Iterable[str]) -> str:
    """A list."""
    return f"<ul>{''.join(f'<li>{escape(x)}</li>' for x in lines)}</ul>"
