"""Plots of the comparison, as SVG to be put into a page."""

import io
import re
from collections.abc import Sequence
from typing import Any

from .tables import number

__all__ = ["COLOURS", "bits_plot", "claim_plot", "cycles_plot", "energy_plot", "roofline_plot",
           "scaling_plot"]  # fmt: skip

COLOURS = ("#4d4d4d", "#e69f00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7", "#d55e00")
"""By machine, in the order of the ladder."""

MARKS = "sXo^Dvp"
LEVELS = {
    "external": "#8c510a",
    "memory banks": "#d8b365",
    "buffer A": "#01665e",
    "buffer B": "#5ab4ac",
    "sums": "#c7eae5",
    "register tile": "#fdae61",
    "weights": "#756bb1",
    "tile memories": "#bcbddc",
    "wires": "#636363",
    "MACs": "#e34a33",
}
CUT = 6
MOST_COLUMNS = 4  # of a legend
SIZE = (4.9, 4.3)  # inches: so small that letters are large enough on a phone


def _figure() -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"svg.fonttype": "none", "font.size": 10, "axes.axisbelow": True})
    figure, axes = pyplot.subplots(figsize=SIZE, layout="constrained")
    axes.grid(alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _svg(figure: Any, name: str) -> str:
    """The figure as an element that fits its place; ids begin with ``name``."""
    from matplotlib import pyplot

    pyplot.rcParams["svg.hashsalt"] = name
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    found = text.getvalue()
    found = found[found.index("<svg") :]
    found = re.sub(r"<metadata>.*?</metadata>", "", found, flags=re.DOTALL)
    # Ids are unique in a figure only.
    found = re.sub(r'\bid="', f'id="{name}-', found)
    found = re.sub(r"url\(#", f"url(#{name}-", found)
    found = found.replace('xlink:href="#', f'xlink:href="#{name}-')
    return re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", found, count=1)


def _legend(figure: Any, handles: Sequence[Any], title: str = "") -> None:
    """A legend above the plot, in as many columns as there is room for: nothing is cut off."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    for columns in range(min(len(handles), MOST_COLUMNS), 0, -1):
        legend = figure.legend(
            handles=handles, loc="outside upper left", ncols=columns, fontsize=9, frameon=False,
            columnspacing=1.2, handletextpad=0.4, title=title, alignment="left",
            title_fontsize=9,
        )  # fmt: skip
        if legend.get_window_extent(renderer).width <= figure.bbox.width or columns == 1:
            return
        legend.remove()


def _handles(axes: Any) -> list[Any]:
    """What has a label in the plot, in its order."""
    return list(axes.get_legend_handles_labels()[0])


def roofline_plot(rows: Sequence[dict[str, Any]], bus_bits: int) -> str:
    """Products per cycle over products per byte of the bus, below each machine's roof.

    A colour per machine, a mark per case. Machines further up the ladder are smaller marks, above
    the others where they meet.

    ``rows``: machine, number of the machine, peak, and points by case: (intensity, products per
    cycle).
    """
    from matplotlib.lines import Line2D

    figure, axes = _figure()
    everything = [x for row in rows for x, _ in row["points"].values()]
    low, high = min(everything) / 2, max(everything) * 3
    cases = list(dict.fromkeys(case for row in rows for case in row["points"]))
    for row in rows:
        n, roof = row["number"], row["peak"]
        knee = roof / (bus_bits / 8)
        colour = COLOURS[n % len(COLOURS)]
        line = [low, knee, high] if low < knee < high else [low, high]
        roofs = [min(roof, x * bus_bits / 8) for x in line]
        axes.plot(line, roofs, color=colour, lw=0.9, label=row["machine"])
        for case, point in row["points"].items():
            axes.scatter(
                *point, color=colour, marker=MARKS[cases.index(case) % len(MARKS)],
                s=max(12, 70 - 9 * n), linewidths=0, zorder=3 + n,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_xlabel("products per byte over the bus")
    axes.set_ylabel("products per cycle")
    marks = [
        Line2D([], [], ls="", color="black", marker=MARKS[n % len(MARKS)], ms=6, label=case)
        for n, case in enumerate(cases)
    ]
    machines = _handles(axes)
    # So that the cases begin a column of their own.
    blank = [Line2D([], [], ls="", label="")] * (-len(machines) % MOST_COLUMNS)
    _legend(figure, [*machines, *blank, *marks])
    return _svg(figure, "roofline")


def _by_case(
    axes: Any, groups: Sequence[str], names: Sequence[str], of: Any, numbers: Sequence[int]
) -> float:
    """Marks of ``of(name, group)``, a colour per name side by side; how far apart."""
    step = 0.7 / max(1, len(names))
    for n, name in enumerate(names):
        at = [g + (n - (len(names) - 1) / 2) * step for g in range(len(groups))]
        number = numbers[n]
        axes.scatter(
            at, [of(name, group) for group in groups], color=COLOURS[number % len(COLOURS)],
            marker=MARKS[number % len(MARKS)], s=30, label=name, zorder=3,
        )  # fmt: skip
    for g in range(1, len(groups)):
        axes.axvline(g - 0.5, color="#bbb", lw=0.6)
    axes.grid(False, axis="x")
    axes.set_xticks(range(len(groups)), groups, rotation=25, ha="right")
    axes.set_yscale("log")
    return step


def cycles_plot(
    cases: Sequence[str], names: Sequence[str], numbers: Sequence[int],
    cycles: dict[tuple[str, str], int],
) -> str:  # fmt: skip
    """Cycles by case and machine."""
    figure, axes = _figure()
    _by_case(axes, cases, names, lambda name, case: cycles[name, case], numbers)
    axes.set_ylabel("cycles")
    _legend(figure, _handles(axes))
    return _svg(figure, "cycles")


def bits_plot(
    cases: Sequence[str], names: Sequence[str], numbers: Sequence[int],
    bits: dict[tuple[str, str], float], bounds: dict[tuple[str, str], float],
) -> str:  # fmt: skip
    """Bits over the bus per product, and for each the least that its bytes allow."""
    figure, axes = _figure()
    step = _by_case(axes, cases, names, lambda name, case: bits[name, case], numbers)
    for n, name in enumerate(names):
        for g, case in enumerate(cases):
            middle = g + (n - (len(names) - 1) / 2) * step
            label = "lower bound" if (n, g) == (0, 0) else None
            axes.hlines(
                bounds[name, case], middle - step / 2, middle + step / 2, color="black", lw=1.4,
                label=label,
            )  # fmt: skip
    axes.set_ylabel("bits over the bus per product")
    _legend(figure, _handles(axes))
    return _svg(figure, "bits")


def energy_plot(
    name: str, totals: dict[str, dict[str, tuple[float, float, float]]], *, on_chip: bool
) -> str:
    """pJ per product, stacked by level: ``totals`` by machine and level, low, value, high.

    Black: from the low ends of all levels to the high ends. ``on_chip`` leaves out the memory
    on the bus. Bars of more than ``CUT`` times the least are cut off and tell their height.
    """
    figure, axes = _figure()
    found = {
        machine: {x: e for x, e in levels.items() if not (on_chip and x == "external")}
        for machine, levels in totals.items()
    }
    shown = [x for x in LEVELS if any(x in levels for levels in found.values())]
    base = dict.fromkeys(found, 0.0)
    for level in shown:
        values = [found[machine].get(level, (0, 0, 0))[1] for machine in found]
        axes.bar(list(found), values, 0.6, bottom=list(base.values()), color=LEVELS[level],
                 label=level)  # fmt: skip
        base = {m: base[m] + v for m, v in zip(found, values, strict=True)}
    sums = [[sum(e[i] for e in levels.values()) for i in range(3)] for levels in found.values()]
    least = min(value for _, value, _ in sums)
    top = 1.35 * max(high for _, value, high in sums if value <= CUT * least)
    top = max(top, *(1.05 * high for _, value, high in sums if value <= top))
    for n, (low, value, high) in enumerate(sums):
        if value <= top:
            errors = [[value - low], [high - value]]
            axes.errorbar(n, value, errors, color="black", capsize=4, lw=1.2)
        else:
            axes.text(n, 0.5 * top, f"↑ {number(value)}", rotation=90, ha="center", va="center",
                      color="white", weight="bold")  # fmt: skip
    axes.set_ylabel("pJ per product" + (", on chip" if on_chip else ""))
    axes.tick_params("x", rotation=25)
    axes.set_ylim(0, top)
    _legend(figure, _handles(axes))
    return _svg(figure, name)


def claim_plot(rows: Sequence[tuple[str, str, tuple[float, float, float]]]) -> str:
    """How many products of int8 the fetching of one operand costs: node, memory, range."""
    figure, axes = _figure()
    nodes = list(dict.fromkeys(node for node, _, _ in rows))
    for n, (node, _, (low, value, high)) in enumerate(rows):
        colour = COLOURS[2 + 4 * nodes.index(node)]
        first = node not in [x for x, _, _ in rows[:n]]
        axes.errorbar(value, n, xerr=[[value - low], [high - value]], fmt="o", capsize=4,
                      color=colour, label=f"logic at {node}" if first else None)  # fmt: skip
    axes.axvline(1000, color="black", lw=1, ls="--")
    axes.text(1000, -0.8, "1000", ha="center", va="bottom", fontsize=9)
    axes.set_yticks(range(len(rows)), [pool for _, pool, _ in rows])
    axes.set_ylim(len(rows) - 0.3, -0.7)
    axes.set_xscale("log")
    axes.set_xlabel("energy of one 8-bit operand / of one int8 multiply-add")
    _legend(figure, _handles(axes))
    return _svg(figure, "claim")


def scaling_plot(
    name: str, lines: dict[str, list[tuple[int, float]]], bound: list[tuple[int, float]],
    label: str,
) -> str:  # fmt: skip
    """Something of a network over the peak, a line per kind of machine, and a bound.

    Lines are thinner one after the other, so that those below are seen where they meet.
    """
    figure, axes = _figure()
    for n, (kind, points) in enumerate(lines.items()):
        axes.plot(*zip(*points, strict=True), color=COLOURS[(2, 3, 6, 4, 5, 1, 0)[n % 7]],
                  marker=MARKS[n % 7], ms=9 - n, lw=2.4 - 0.3 * n, label=kind,
                  fillstyle="none" if n == 4 else "full")  # fmt: skip
    if bound:
        axes.plot(*zip(*bound, strict=True), color="black", ls="--", lw=1, label="lower bound")
    from matplotlib import ticker

    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 1.5, 2, 3, 5, 7), numticks=30))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    ticks = sorted({x for points in lines.values() for x, _ in points})
    axes.set_xticks(ticks, [f"{x:,}" for x in ticks], rotation=25)
    axes.set_xlabel("products per cycle at most")
    axes.set_ylabel(label)
    _legend(figure, _handles(axes))
    return _svg(figure, name)
