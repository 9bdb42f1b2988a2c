"""Parts of the page of `make compare` about energy: by level, orders, gates, memory by a MAC."""

from html import escape
from typing import Any

from . import plots as compare_plots
from .html import figure, listed, plots, spread, table
from .tables import ranged

__all__ = ["by_case", "claim", "energy", "orders", "own_logic"]


def by_case(result: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Layers of a report by machine and case."""
    return {
        (name, layer["layer"]): layer
        for name, one in result["machines"].items()
        for layer in one["layers"]
    }


def energy(result: dict[str, Any], case: str) -> str:
    """pJ per product by level, with ranges: plots and tables."""
    found = by_case(result)
    names = [name for name in result["machines"] if (name, case) in found]
    figures, text = [], ""
    for node, pools in result["pools"].items():
        pool = pools[0]
        totals: dict[str, dict[str, tuple[float, float, float]]] = {}
        for name in names:
            x = found[name, case]
            levels = x["energy"][node][pool]["levels_pj"]
            totals[name] = {
                level: (e[0] / x["macs"], e[1] / x["macs"], e[2] / x["macs"])
                for level, e in levels.items()
            }
        for on_chip in (False, True):
            figures.append(
                figure(
                    compare_plots.energy_plot(
                        f"energy-{case}-{node}-{on_chip}", totals, on_chip=on_chip
                    ),
                    f"{node}, {pool}" + (": the same without the memory" if on_chip else ""),
                )
            )
        levels = list(dict.fromkeys(level for one in totals.values() for level in one))
        rows = [
            [name, spread([sum(e[n] for e in totals[name].values()) for n in range(3)]),
             *(spread(totals[name][x]) if x in totals[name] else "–" for x in levels)]
            for name in names
        ]  # fmt: skip
        text += f"<p>pJ per product at {node} with {escape(pool)}; below it the range:</p>"
        text += table(["machine", "all", *levels], rows)
    return plots(figures) + text


def orders(result: dict[str, Any], case: str) -> str:
    """Ratios to the best machine, and which orders flip within the ranges."""
    rows, lines = [], []
    names: list[str] = []
    opened: dict[str, list[str]] = {}
    for node, pools in result["pools"].items():
        for pool in pools:
            order = result["orders"][case][node][pool]
            against = order["ratio_to_best"]
            names = names or sorted(against, key=lambda name: -against[name][1])
            where = f"{node}, {pool}"
            rows.append([where, order["best"], *(spread(against[name]) for name in names)])
            for a, b in order["open"]:
                opened.setdefault(f"{a} before {b}", []).append(where)
            lines += [
                f"{where}: {name} takes {ranged(x)} times the energy of {order['best']}"
                for name, x in order["scalar_to_best"].items()
                if pool == pools[0] and name != order["best"]
            ]
    text = (listed(lines) if lines else "") + "<p>Energy by that of the best machine:</p>"
    text += table(["node, memory", "best", *names], rows)
    text += "<p>Every figure is the same for both machines of a ratio, anywhere in its range.</p>"
    if opened:
        flips = [f"{pair}: {'; '.join(where)}" for pair, where in opened.items()]
        return text + "<p>Within the ranges these orders flip:</p>" + listed(flips)
    return text + "<p>No order flips within the ranges.</p>"


def own_logic(result: dict[str, Any]) -> str:
    """Machines whose gates were measured."""
    rows = [
        [x["machine"], f"{x['node']}, {x['memory']}", *(
            spread(x[key]) for key in ("logic_by_table", "logic", "total_by_table", "total")
        ), x["source"]]
        for x in result["own_logic"]
    ]  # fmt: skip
    columns = ["machine", "node, memory", "logic by table", "measured", "all by table", "all",
               "source"]  # fmt: skip
    return (
        "<p>With gates, registers and weights of the whole array or CIM tile as measured with a "
        "library of standard cells, pJ per product:</p>" + table(columns, rows)
    )


def claim(result: dict[str, Any]) -> str:
    """A DRAM operand by a MAC, per node and format."""
    rows = [row for row in result["claim"] if row["format"] == "int8"]
    svg = compare_plots.claim_plot(
        [(row["node"], row["memory"], tuple(row["operand_by_mac"])) for row in rows]
    )
    found = {(r["node"], r["memory"], r["format"]): r for r in result["claim"]}
    lines = [
        [r["memory"], r["node"], spread(r["operand_by_mac"]), spread(r["two_operands_by_mac"])]
        + [spread(found[r["node"], r["memory"], x]["operand_by_mac"]) for x in ("fp16", "fp32")]
        + [r["a_thousand"]]
        for r in rows
    ]  # fmt: skip
    columns = ["memory", "node", "int8: operand / MAC", "two operands / MAC", "fp16: operand / MAC",
               "fp32: operand / MAC", "int8 operand ≥ 1000 MACs"]  # fmt: skip
    caption = "One operand of 8 bits by one int8 multiply and 32-bit add; lines are ranges."
    return plots([figure(svg, caption)]) + table(columns, lines)
