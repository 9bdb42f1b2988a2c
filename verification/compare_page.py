"""The comparison as one page of HTML that needs nothing else."""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from . import compare_plots as plots
from .compare_models import NETWORKS
from .compare_tables import CASES, number

__all__ = ["page"]

STYLE = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { margin: 0; background: #fff; color: #1b1b1b; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 1200px; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0 }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .4rem; border-top: 1px solid #ccc; padding-top: .8rem }
p, li { max-width: 46rem }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
         gap: 1rem }
figure { margin: 0; min-width: 0 }
figure svg { width: 100%; height: auto; max-width: 34rem; display: block }
figcaption, .note { font-size: .875rem; color: #444 }
.table { overflow-x: auto; margin: .6rem 0 }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: right;
         white-space: nowrap }
th:first-child, td:first-child, .text, .name { text-align: left }
small { color: #555 }
td.text { white-space: normal; min-width: 14rem }
thead th { border-bottom: 2px solid #888; vertical-align: bottom }
.no { color: #b00020; font-weight: 600 }
code { font-size: .9em; overflow-wrap: anywhere }
""".strip()

Three = Sequence[float]


def _range(found: Three) -> tuple[float, float, float]:
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


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    kinds = [_kind(cells) for cells in zip(*rows, strict=True)] or [""] * len(columns)
    head = "".join(f"<th{k}>{escape(x)}</th>" for k, x in zip(kinds, columns, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{k}>{_cell(x)}</td>' for k, x in zip(kinds, row, strict=True))}</tr>"
        for row in rows
    )
    return (
        f'<div class="table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _plots(figures: Iterable[str]) -> str:
    return f'<div class="plots">{"".join(figures)}</div>'


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(x)}</li>' for x in lines)}</ul>"


def _by_case(result: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (name, layer["layer"]): layer
        for name, one in result["machines"].items()
        for layer in one["layers"]
    }


def _machines(result: dict[str, Any]) -> str:
    rows = [
        [name, one["rung"], one["peak_macs_per_cycle"], one["held_bytes"], one["bit_exact"],
         one["counters"] == one["model_counters"]]
        for name, one in result["machines"].items()
    ]  # fmt: skip
    columns = ["machine", "what it is", "products per cycle", "bytes held", "bit-exact",
               "counters = model"]  # fmt: skip
    text = _table(columns, rows)
    if result["absent"]:
        names = ", ".join(f"{name} ({rung})" for name, rung in result["absent"].items())
        text += f"<p>Not there yet, and not in any figure below: {escape(names)}.</p>"
    if result["not_equal"]:
        text += "<p>These are the machines as they are. Not equal between them:</p>"
        text += _list(result["not_equal"])
    return text


def _moved(result: dict[str, Any]) -> str:
    found = _by_case(result)
    names = list(result["machines"])
    cases = [case for case in CASES if any((name, case) in found for name in names)]
    numbers = range(len(names))
    rows = []
    for place, name in enumerate(names):
        points = [
            (8 * x["macs"] / x["bus_bits"], x["macs"] / x["cycles"])
            for x in result["machines"][name]["layers"]
        ]
        peak = result["machines"][name]["peak_macs_per_cycle"]
        rows.append({"machine": name, "number": place, "peak": peak, "points": points})
    bus = result["machines"][names[0]]["bus_bits_wide"]
    pairs = [(name, case) for name in names for case in cases]
    cycles = {pair: found[pair]["cycles"] for pair in pairs}
    bits = {pair: found[pair]["bits_per_mac"] for pair in pairs}
    bounds = {pair: found[pair]["bound_bits_per_mac"] for pair in pairs}
    shown = _plots(
        [
            _figure(
                plots.roofline_plot(rows, bus),
                f"Roofline: a point per case, below the peak and a bus of {bus} bits per cycle. "
                "A tile that skips zero bit planes may be above its peak.",
            ),
            _figure(plots.cycles_plot(cases, names, numbers, cycles),
                    "Cycles from doorbell to completion."),
            _figure(
                plots.bits_plot(cases, names, numbers, bits, bounds),
                "Bits over the memory bus per product. Black: no machine with as many fast bytes S "
                "can do with less than max(MK + KN + MN, 2MNK/√S − 2S) bytes; KN falls away where "
                "weights have stayed.",
            ),
        ]
    )  # fmt: skip
    columns = ["case", "machine", "cycles", "utilisation", "bits / product", "lower bound",
               "words / product", "= formula", "bit-exact"]  # fmt: skip
    lines = [
        [case, name, x["cycles"], x["utilisation"], x["bits_per_mac"],
         x["bound_bits_per_mac"], x["words_per_mac"], x["words_as_formula"], x["bit_exact"]]
        for case in cases
        for name in names
        for x in [found[name, case]]
    ]  # fmt: skip
    named = _list(f"{case}: {CASES[case]}" for case in cases)
    return shown + named + _table(columns, lines)


def _words(result: dict[str, Any]) -> str:
    rows = []
    for name, one in result["machines"].items():
        x = one["words"]
        rows.append([name, f"{x['m']} × {x['n']} × {x['k']}", x["formula"], x["words"],
                     x["by_formula"], x["words_per_mac"], x["equal"]])  # fmt: skip
    columns = ["machine", "M × N × K", "formula", "counted", "by formula", "per product", "equal"]
    return _table(columns, rows)


def _energy(result: dict[str, Any], case: str) -> str:
    found = _by_case(result)
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
                _figure(
                    plots.energy_plot(f"energy-{case}-{node}-{on_chip}", totals, on_chip=on_chip),
                    f"{node}, {pool}" + (": the same without the memory" if on_chip else ""),
                )
            )
        levels = list(dict.fromkeys(level for one in totals.values() for level in one))
        rows = [
            [name, _range([sum(e[n] for e in totals[name].values()) for n in range(3)]),
             *(_range(totals[name][x]) if x in totals[name] else "–" for x in levels)]
            for name in names
        ]  # fmt: skip
        text += f"<p>pJ per product at {node} with {escape(pool)}; below it the range:</p>"
        text += _table(["machine", "all", *levels], rows)
    return _plots(figures) + text


def _orders(result: dict[str, Any], case: str) -> str:
    rows, lines = [], []
    names: list[str] = []
    for node, pools in result["pools"].items():
        for pool in pools:
            order = result["orders"][case][node][pool]
            against = order["ratio_to_best"]
            names = names or sorted(against, key=lambda name: -against[name][1])
            rows.append([node, pool, order["best"], *(_range(against[name]) for name in names)])
            lines += [f"{node}, {pool}: {a} before {b}" for a, b in order["open"]]
    text = "<p>Energy by that of the best machine:</p>"
    text += _table(["node", "memory", "best", *names], rows)
    text += "<p>Every figure is the same for both machines of a ratio, anywhere in its range.</p>"
    if lines:
        return text + "<p>Within the ranges these may be the other way round:</p>" + _list(lines)
    return text + "<p>No order is open within the ranges.</p>"


def _own_logic(result: dict[str, Any]) -> str:
    rows = [
        [x["node"], x["memory"], x["machine"], *(
            _range(x[key]) for key in ("logic_by_table", "logic", "total_by_table", "total")
        ), x["source"]]
        for x in result["own_logic"]
    ]  # fmt: skip
    columns = ["node", "memory", "machine", "logic by table", "measured", "all by table", "all",
               "source"]  # fmt: skip
    return (
        "<p>With gates, registers and weights of the whole array or tile as measured with a "
        "library of standard cells, pJ per product:</p>" + _table(columns, rows)
    )


def _claim(result: dict[str, Any]) -> str:
    rows = [row for row in result["claim"] if row["format"] == "int8"]
    svg = plots.claim_plot(
        [(row["node"], row["memory"], tuple(row["operand_by_mac"])) for row in rows]
    )
    found = {(r["node"], r["memory"], r["format"]): r for r in result["claim"]}
    lines = [
        [r["node"], r["memory"], _range(r["operand_by_mac"]), _range(r["two_operands_by_mac"])]
        + [_range(found[r["node"], r["memory"], x]["operand_by_mac"]) for x in ("fp16", "fp32")]
        + [r["a_thousand"]]
        for r in rows
    ]  # fmt: skip
    columns = ["node", "memory", "int8: operand / MAC", "two operands / MAC", "fp16: operand / MAC",
               "fp32: operand / MAC", "int8 operand ≥ 1000 MACs"]  # fmt: skip
    caption = "One operand of 8 bits by one int8 multiply and 32-bit add; lines are ranges."
    return _plots([_figure(svg, caption)]) + _table(columns, lines)


def _networks(result: dict[str, Any]) -> str:
    points = result["models"]["points"]
    pools = {node: names[0] for node, names in result["pools"].items()}
    figures = []

    def lines(network: str, of: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
        return {
            kind: [
                (x["peak_macs_per_cycle"], of(x))
                for x in points
                if (x["network"], x["kind"]) == (network, kind)
            ]
            for kind in result["models"]["kinds"]
        }

    networks = [n for n in NETWORKS if any(x["network"] == n for x in points)]
    for network in networks:
        bits = lines(network, lambda x: x["bits_per_mac"])
        bounds = lines(network, lambda x: x["bound_bits_per_mac"])
        figures.append(
            _figure(
                plots.scaling_plot(f"bits-{network}", bits, next(iter(bounds.values())),
                                   "bits over the bus per product"),
                f"{NETWORKS[network]}: bits over the bus per product",
            )
        )  # fmt: skip
        cycles = lines(network, lambda x: x["cycles"] / 1e6)
        figures.append(
            _figure(
                plots.scaling_plot(f"cycles-{network}", cycles, [], "million cycles"),
                f"{NETWORKS[network]}: cycles",
            )
        )
    rows = [
        [NETWORKS[x["network"]], x["kind"], x["peak_macs_per_cycle"],
         f"{x['rows']} × {x['cols']}", x["held_bytes"], x["cycles"], x["utilisation"],
         x["bits_per_mac"], x["bound_bits_per_mac"]]
        + [
            _range([e / x["macs"] for e in x["energy"][node][pool]["total_pj"]])
            for node, pool in pools.items()
        ]
        for x in points
    ]  # fmt: skip
    columns = ["network", "machine", "peak", "array", "bytes held", "cycles", "utilisation",
               "bits / product", "lower bound"]  # fmt: skip
    columns += [f"pJ / product, {node}, {pool}" for node, pool in pools.items()]
    text = _plots(figures) + _table(columns, rows)
    if result["models"]["not_equal"]:
        text += "<p>Cannot be made equal:</p>" + _list(result["models"]["not_equal"])
    return text


def _synthesis(result: dict[str, Any]) -> str:
    rows = []
    for name, one in result["machines"].items():
        row = result["synth"].get(name)
        if row is None:
            rows.append([name, "not routed with three seeds yet", *["–"] * 7])
            continue
        clock = float(row["fmax_worst"])
        moved = one["counters"]
        words = sum(moved[x] for x in ("a_words", "b_words", "d_words", "column_words", "c_words"))
        bits = words * one["bus_bits_wide"] / one["cycles"] * clock / 1000
        rows.append(
            [name, row["device"], *(int(row[x]) for x in ("lut4", "ff", "dsp", "bram")), clock,
             one["peak_macs_per_cycle"] * clock / 1000, bits]
        )  # fmt: skip
    columns = ["machine", "device", "LUT4", "FF", "DSP", "BRAM", "MHz, worst of 3", "GMAC/s",
               "Gbit/s moved"]  # fmt: skip
    return _table(columns, rows)


def _figures(result: dict[str, Any]) -> str:
    rows = [
        [f["item"], f["node"], f["bits"], _range((f["low"], f["value"], f["high"])), f["range"],
         f["tag"], f["source"]]
        for f in result["figures"]
    ]  # fmt: skip
    columns = ["figure", "node", "bits", "pJ", "range", "tag", "source"]
    return _table(columns, rows)


def page(result: dict[str, Any]) -> str:
    """HTML of a report of ``make compare``; well-formed as XML, without script or reference."""
    parts = ["<h1>One GEMM, every machine, every bit counted</h1>"]
    parts.append(
        "<p>The same products on machines that move operands in different ways, all real RTL "
        "behind the same registers and the same memory bus. Cycles and bits are counted by "
        "the hardware, equal to the models; energies are these counts times published figures, "
        "each with its range.</p>"
    )
    parts.append(f'<p class="note">Made by <code>{escape(result["command"])}</code></p>')
    if result["machines"]:
        parts += ["<h2>The machines</h2>", _machines(result)]
        parts += ["<h2>Cycles, and bits over the memory bus</h2>", _moved(result)]
        parts += ["<h2>Element words from the next level</h2>",
                  "<p>What an engine takes from the level beside it, on a GEMM that its array "
                  "divides: array P × Q; words of A, B and sums.</p>", _words(result)]  # fmt: skip
        shown = [x for x in ("digits", "vectors") if x in result["orders"]]
        for case in shown or list(result["orders"])[:1]:
            images = f" ({result['images']} images)" if case == "digits" else ""
            parts += [f"<h2>Energy by level: {escape(CASES[case])}{images}</h2>"]
            if case == "vectors":
                parts += ["<p>One token at a time: machines that keep weights beside their "
                          "multipliers load them once, others for each vector.</p>"]  # fmt: skip
            parts += [_energy(result, case), _orders(result, case)]
            if case == "digits" and result["own_logic"]:
                parts += [_own_logic(result)]
        parts += [f"<p>Left out on all machines: {escape(result['left_out'])}. Black lines go from "
                  "the low end of every figure to the high end of every figure.</p>"]  # fmt: skip
    parts += ["<h2>Does memory cost a thousand times the arithmetic?</h2>",
              "<p>An operand by a multiply-add. Where no operand is used twice, a product needs "
              "two.</p>", _claim(result)]  # fmt: skip
    if result["models"]["points"]:
        parts += ["<h2>Whole networks, equal peak and equal bytes</h2>",
                  "<p>By the cycle-exact models, 8 bits in and out, batch 1, each layer alone; on "
                  "the same 64-bit bus for all sizes, so that large arrays wait for memory.</p>",
                  _networks(result)]  # fmt: skip
    if result["machines"]:
        parts += ["<h2>On an ECP5-85F</h2>", _synthesis(result)]
    parts += ["<h2>The figures</h2>",
              "<p>Tags: D read in the source itself, 2 in a public file that quotes it, R from "
              "memory, X measured, A assumed by this project. Where a source gives no range, 28 % "
              "either way is assumed, by which a fixed energy per action was off in CiMLoop.</p>",
              _figures(result)]  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>Insitu: one GEMM, every machine</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body><main>\n{chr(10).join(parts)}\n</main></body>\n</html>\n"
    )
