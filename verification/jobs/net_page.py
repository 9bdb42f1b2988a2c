"""The page of ``make net``: nodes, a timeline, bytes by layer, a roofline; HTML without script."""

from collections.abc import Callable, Sequence
from html import escape
from math import log10
from typing import Any

from .compare.html import STYLE, figure, listed, plots, table
from .compare.tables import number

__all__ = ["page"]

Node = dict[str, Any]
WIDTH, ROW, LEFT = 560, 15, 170  # pixels of a plot, of a bar, and left of the bars
BLUE, ORANGE, GREY = "#0072b2", "#e69f00", "#777"
LETTERS = 24  # of a node's name beside a bar


def _svg(height: float, inside: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="10"><title>{escape(title)}</title>'
        f"{inside}</svg>"
    )


def _bars(
    nodes: Sequence[Node], begin: Callable[[Node], float], end: Callable[[Node], float], unit: str
) -> str:
    """A bar per node, from ``begin`` to ``end``, the largest end at the right."""
    most = max(end(node) for node in nodes) or 1
    scale = (WIDTH - LEFT - 70) / most
    parts = []
    for n, node in enumerate(nodes):
        x, y = LEFT + begin(node) * scale, n * ROW
        wide = max(1.0, (end(node) - begin(node)) * scale)
        said = f"{node['name']}: {end(node) - begin(node):,.0f} {unit}"
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 11}" text-anchor="end">'
            f"{escape(node['name'][-LETTERS:])}</text>"
            f'<rect x="{x:.1f}" y="{y + 2}" width="{wide:.1f}" height="{ROW - 4}" fill="{BLUE}">'
            f"<title>{escape(said)}</title></rect>"
            f'<text x="{x + wide + 4:.1f}" y="{y + 11}" fill="{GREY}">'
            f"{end(node) - begin(node):,.0f}</text>"
        )
    return _svg(len(nodes) * ROW + 4, "".join(parts), unit)


def _timeline(nodes: Sequence[Node]) -> str:
    begins, now = {}, 0
    for node in nodes:
        begins[id(node)], now = now, now + node["cycles"]
    return _bars(nodes, lambda x: begins[id(x)], lambda x: begins[id(x)] + x["cycles"], "cycles")


def _roofline(nodes: Sequence[Node], peak: float, bus_bytes: int) -> str:
    """Products per cycle by products per byte, both logarithmic, below what bus and array allow."""
    points = [
        (node["macs"] / node["bytes"], node["macs"] / node["cycles"], node["name"])
        for node in nodes
    ]
    low = min([0.1, *(x for x, _, _ in points)])
    high = max([100.0, *(x for x, _, _ in points)])
    least = min([peak / 1000, *(y for _, y, _ in points)])
    tall, foot = 260, 30

    def at(x: float, y: float) -> tuple[float, float]:
        right = (log10(x) - log10(low)) / (log10(high) - log10(low))
        up = (log10(y) - log10(least)) / (log10(peak * 1.5) - log10(least))
        return 40 + right * (WIDTH - 60), tall - foot - up * (tall - foot - 20)

    ridge = peak / bus_bytes
    roof = [at(max(low, least / bus_bytes), max(low * bus_bytes, least)), at(ridge, peak)]
    roof.append(at(high, peak))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in roof)
    parts = [f'<polyline points="{line}" fill="none" stroke="{ORANGE}" stroke-width="2"/>']
    for x, y, name in points:
        right, down = at(x, y)
        said = f"{name}: {x:.2f} products per byte, {y:.2f} per cycle"
        parts.append(
            f'<circle cx="{right:.1f}" cy="{down:.1f}" r="4" fill="{BLUE}" fill-opacity="0.6">'
            f"<title>{escape(said)}</title></circle>"
        )
    parts.append(
        f'<text x="{WIDTH - 20}" y="{tall - 8}" text-anchor="end">products per byte, '
        f"{low:.2g} to {high:.3g}</text>"
        f'<text x="40" y="12">products per cycle; the roof is {peak:g} of the array, and '
        f"{bus_bytes} bytes per cycle of the bus, each way</text>"
    )
    return _svg(tall, "".join(parts), "roofline")


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _micro(values: Sequence[float] | None) -> str:
    return "–" if values is None else number(values[1] / 1e6)


def page(result: dict[str, Any], peak: float, bus_bytes: int) -> str:
    """HTML of a report of ``make net``; well-formed as XML.

    ``peak``: products per cycle of the machine; ``bus_bytes``: bytes of a bus word.
    """
    ours = [x for x in result["nodes"] if x["where"] == "machine"]
    counted = [x for x in ours if x["cycles"] and x["bytes"]]
    share = result["macs_on_machine"] / max(1, result["macs"])
    exact = {True: "equal to onnxruntime's, bit for bit", False: "not equal to onnxruntime's",
             None: "not compared"}[result["bit_exact"]]  # fmt: skip
    parts = [f"<h1>{escape(result['model'])} on {escape(result['config'])}</h1>"]
    held = result["memory"]
    energy = "; ".join(
        f"{number(likely / 1e6)} µJ ({number(low / 1e6)} to {number(high / 1e6)}) at {where}"
        for where, (low, likely, high) in result["energy"].items()
    )
    parts.append(
        f"<p>{result['macs_on_machine']:,} of {result['macs']:,} products on the machine "
        f"({100 * share:.1f} %) in {result['descriptors']:,} descriptors, {result['cycles']:,} "
        f"cycles, {result['bytes']:,} bytes over the bus; {result['host_nodes']} steps on the "
        f"host, {result['tables']} of them tables. Tensors are {exact}.</p>"
        f"<p>Energy: {escape(energy) or 'there are no figures for this machine'}. Memory: "
        f"{held['all']:,} bytes, {held['weights']:,} of them weights, {held['arena']:,} an arena "
        f"for activations and sums, which would take {held['apart']:,} without sharing.</p>"
        f'<p class="note">Made by <code>{escape(result["command"])}</code></p>'
    )
    if counted:
        parts += ["<h2>Where the cycles go</h2>", plots([
            figure(_timeline(counted), "Cycles of the machine's nodes, one after the other."),
            figure(_bars(counted, lambda x: 0, lambda x: x["bytes"], "bytes"),
                   "Bytes over the memory bus, by node."),
            figure(_roofline(counted, peak, bus_bytes),
                   "What each node reaches, below what array and bus allow."),
        ])]  # fmt: skip
    where = next(iter(result["energy"]), None)
    rows = [
        [x["name"], x["op"], x["descriptors"], x["macs"],
         _ratio(x["macs"] / max(1, result["macs"])), x["cycles"] or 0, _ratio(x["utilisation"]),
         _ratio(x["usual"]), x["bytes"] or 0, _micro((x["energy"] or {}).get(where)),
         "–" if x["different"] is None else x["different"], x["way"], x["less"], x["glue"]]
        for x in ours
    ]  # fmt: skip
    columns = ["node", "operator", "descriptors", "products", "share", "cycles", "utilisation",
               "with im2col in memory", "bytes", f"µJ, {where}", "different", "how",
               "why less", "by the host"]  # fmt: skip
    parts += ["<h2>On the machine</h2>", table(columns, rows)]
    parts.append(
        '<p class="note">Utilisation is of the products that the node needs. Beside it that of the '
        "same node alone with im2col in memory and results of 8 bits.</p>"
    )
    host: dict[str, int] = {}
    for node in result["nodes"]:
        if node["where"] == "host":
            line = f"{node['op']}: {node['why']}"
            host[line] = host.get(line, 0) + 1
    parts += ["<h2>On the host</h2>", listed(f"{n} × {line}" for line, n in host.items())]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{escape(result['model'])} on {escape(result['config'])}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n"
        f"<body><main>\n{chr(10).join(parts)}\n</main></body>\n</html>\n"
    )
