"""The comparison as one page of HTML that needs nothing else."""

from collections.abc import Callable
from html import escape
from typing import Any

from . import energy as compare_energy
from . import plots as compare_plots
from .cases import CASES, NETWORKS
from .html import STYLE, figure, folded, listed, plots, spread, table
from .tables import FABRIC, fabric

__all__ = ["page"]


def _machines(result: dict[str, Any]) -> str:
    rows = [
        [name, one["rung"], one["peak_macs_per_cycle"], one["held_bytes"], one["bit_exact"],
         one["counters"] == one["model_counters"]]
        for name, one in result["machines"].items()
    ]  # fmt: skip
    columns = ["machine", "what it is", "products per cycle", "bytes held", "bit-exact",
               "counters = model"]  # fmt: skip
    text = table(columns, rows)
    if result["absent"]:
        names = ", ".join(f"{name} ({rung})" for name, rung in result["absent"].items())
        text += f"<p>Not there yet, and not in any figure below: {escape(names)}.</p>"
    if result["not_equal"]:
        text += "<p>These are the machines as they are. Not equal between them:</p>"
        text += listed(result["not_equal"])
    return text


def _moved(result: dict[str, Any]) -> str:
    found = compare_energy.by_case(result)
    names = list(result["machines"])
    cases = [case for case in CASES if any((name, case) in found for name in names)]
    numbers = range(len(names))
    rows = []
    for place, name in enumerate(names):
        points = {
            x["layer"]: (8 * x["macs"] / x["bus_bits"], x["macs"] / x["cycles"])
            for x in result["machines"][name]["layers"]
        }
        peak = result["machines"][name]["peak_macs_per_cycle"]
        rows.append({"machine": name, "number": place, "peak": peak, "points": points})
    bus = result["machines"][names[0]]["bus_bits_wide"]
    pairs = [(name, case) for name in names for case in cases]
    cycles = {pair: found[pair]["cycles"] for pair in pairs}
    bits = {pair: found[pair]["bits_per_mac"] for pair in pairs}
    bounds = {pair: found[pair]["bound_bits_per_mac"] for pair in pairs}
    shown = plots(
        [
            figure(
                compare_plots.roofline_plot(rows, bus),
                f"Roofline: a mark per case in the colour of its machine, below that machine's "
                f"peak and a bus of {bus} bits per cycle. "
                "A CIM tile that skips zero bit planes may be above its peak.",
            ),
            figure(compare_plots.cycles_plot(cases, names, numbers, cycles),
                    "Cycles from doorbell to completion."),
            figure(
                compare_plots.bits_plot(cases, names, numbers, bits, bounds),
                "Bits over the memory bus per product. Black: no machine with as many fast bytes S "
                "can do with less than max(MK + KN + MN, 2MNK/√S − 2S) bytes; KN falls away where "
                "weights have stayed.",
            ),
        ]
    )  # fmt: skip
    columns = ["machine", "cycles", "utilisation", "bits / product", "lower bound",
               "words / product", "= formula", "bit-exact"]  # fmt: skip
    everything = [(case, name) for case in cases for name in names]
    lines = [
        [name, x["cycles"], x["utilisation"], x["bits_per_mac"],
         x["bound_bits_per_mac"], x["words_per_mac"], x["words_as_formula"], x["bit_exact"]]
        for case, name in everything
        for x in [found[name, case]]
    ]  # fmt: skip
    good = sum(row[-1] and row[-2] for row in lines)
    return shown + folded(
        f"The {len(lines)} figures of each plot; in {good} runs every bit of C and every element "
        "word is what it must be",
        table(columns, lines, [f"{case}: {CASES[case]}" for case, _ in everything]),
    )


def _words(result: dict[str, Any]) -> str:
    rows = []
    for name, one in result["machines"].items():
        x = one["words"]
        rows.append([name, f"{x['m']} × {x['n']} × {x['k']}", x["formula"], x["words"],
                     x["by_formula"], x["equal"]])  # fmt: skip
    columns = ["machine", "M × N × K", "words of A, B and sums", "counted", "by formula",
               "counted = formula"]  # fmt: skip
    each = [
        [name, x["per_product"][0], f"{x['operands_per_mac']:.6g}", x["per_product"][1],
         f"{x['sums_per_mac']:.6g}", f"{x['words_per_mac']:.6g}"]
        for name, one in result["machines"].items()
        for x in [one["words"]]
    ]  # fmt: skip
    by_product = ["machine", "A and B per product", "counted", "sums per product", "counted",
                  "all, counted"]  # fmt: skip
    return (
        table(columns, rows)
        + "<p>The same by the number of products, equal to the formula as fractions:</p>"
        + table(by_product, each)
    )


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
            figure(
                compare_plots.scaling_plot(f"bits-{network}", bits, next(iter(bounds.values())),
                                   "bits over the bus per product"),
                f"{NETWORKS[network]}: bits over the bus per product",
            )
        )  # fmt: skip
        cycles = lines(network, lambda x: x["cycles"] / 1e6)
        figures.append(
            figure(
                compare_plots.scaling_plot(f"cycles-{network}", cycles, [], "million cycles"),
                f"{NETWORKS[network]}: cycles",
            )
        )
    rows = [
        [f"{x['kind']}, {x['peak_macs_per_cycle']:,}", f"{x['rows']} × {x['cols']}",
         x["held_bytes"], x["cycles"], x["utilisation"], x["bits_per_mac"], x["bound_bits_per_mac"]]
        + [
            spread([e / x["macs"] for e in x["energy"][node][pool]["total_pj"]])
            for node, pool in pools.items()
        ]
        for x in points
    ]  # fmt: skip
    columns = ["machine, peak", "array", "bytes held", "cycles", "utilisation", "bits / product",
               "lower bound"]  # fmt: skip
    columns += [f"pJ / product, {node}, {pool}" for node, pool in pools.items()]
    named = [NETWORKS[x["network"]] for x in points]
    text = (
        plots(figures)
        + _at_one_peak(result)
        + folded(f"All {len(rows)} points", table(columns, rows, named))
    )
    if result["models"]["not_equal"]:
        text += "<p>What could not be made equal:</p>" + listed(result["models"]["not_equal"])
    return text


def _at_one_peak(result: dict[str, Any]) -> str:
    """Energy of networks on all kinds of machine at a peak that all can have, and what flips."""
    shared, kinds = result["models"]["at_one_peak"], result["models"]["kinds"]
    if not shared:
        return ""
    peak, rows, flips = shared["peak"], [], dict[str, list[str]]()
    for node, pools in result["pools"].items():
        found = {
            (x["network"], x["kind"]): [
                e / x["macs"] for e in x["energy"][node][pools[0]]["total_pj"]
            ]
            for x in result["models"]["points"]
            if x["peak_macs_per_cycle"] == peak
        }
        for network, orders in shared["orders"].items():
            where = f"{NETWORKS[network]}, {node}"
            cells = [spread(found[network, kind]) for kind in kinds]
            rows.append([where, pools[0], *cells, orders[node]["best"]])
            for a, b in orders[node]["open"]:
                flips.setdefault(f"{a} before {b}", []).append(where)
    text = f"<p>pJ per product on machines of {peak:,} products per cycle; below it the range:</p>"
    text += table(["network, node", "memory", *kinds, "best"], rows)
    named = listed(f"{pair}: {'; '.join(where)}" for pair, where in flips.items())
    return text + ("<p>Within the ranges these orders flip:</p>" + named if flips else "")


def _synthesis(result: dict[str, Any]) -> str:
    found = compare_energy.by_case(result)
    case = next(x for x in ("digits", *CASES) if any(y == x for _, y in found))
    rows = []
    for name, one in result["machines"].items():
        done = found[name, case]
        cells = fabric(result["synth"].get(name), one["peak_macs_per_cycle"], done)
        clock = cells[4] if isinstance(cells[4], str) else f"{cells[4]:.1f}"
        rows.append([name, *cells[:4], clock, *cells[5:]])
    text = (
        f"<p>Whole machines, speed grade 6; the last two columns are of {escape(CASES[case])}. "
        "Made by <code>make synth CONFIG= UNIT=machine RECORD=1</code>, clock and reset ideal.</p>"
    )
    return text + table(["machine", *FABRIC], rows)


def _figures(result: dict[str, Any]) -> str:
    rows = [
        [f["item"], f["node"], f["bits"], spread((f["low"], f["value"], f["high"])), f["range"],
         f["tag"], f["source"]]
        for f in result["figures"]
    ]  # fmt: skip
    columns = ["figure", "node", "bits", "pJ", "range", "tag", "source"]
    return folded(f"{len(rows)} figures", table(columns, rows))


def page(result: dict[str, Any]) -> str:
    """HTML of a report of ``make compare``; well-formed as XML, without script or reference."""
    parts = ["<h1>One GEMM, every machine, every bit counted</h1>"]
    parts.append(
        "<p>The same products on machines that move operands in different ways, all real RTL "
        "with the same registers and the same memory bus. Cycles and bits are counted by "
        "the hardware, equal to the models; energies are these counts times published figures, "
        "each with its range.</p>"
    )
    parts.append(f'<p class="note">Made by <code>{escape(result["command"])}</code></p>')
    if result["machines"]:
        parts += ["<h2>The machines</h2>", _machines(result)]
        parts += ["<h2>Cycles, and bits over the memory bus</h2>", _moved(result)]
        parts += ["<h2>Element words from the next level</h2>",
                  "<p>What an engine takes from the level beside it, on a GEMM that its array "
                  "divides: array P × Q, W lanes with a "
                  "register tile of rm rows × rn vectors.</p>", _words(result)]  # fmt: skip
        shown = [x for x in ("digits", "vectors") if x in result["orders"]]
        for case in shown or list(result["orders"])[:1]:
            images = f" ({result['images']} images)" if case == "digits" else ""
            parts += [f"<h2>Energy by level: {escape(CASES[case])}{images}</h2>"]
            if case == "vectors":
                parts += ["<p>One token at a time: machines that keep weights beside their "
                          "multipliers load them once, others for each vector.</p>"]  # fmt: skip
            parts += [compare_energy.energy(result, case), compare_energy.orders(result, case)]
            if case == "digits" and result["own_logic"]:
                parts += [compare_energy.own_logic(result)]
        parts += [f"<p>Left out on all machines: {escape(result['left_out'])}. Black lines go from "
                  "the low end of every figure to the high end of every figure.</p>"]  # fmt: skip
    parts += ["<h2>Does memory cost a thousand times the arithmetic?</h2>",
              "<p>An operand by a multiply-add. Where no operand is used twice, a product needs "
              "two.</p>", compare_energy.claim(result)]  # fmt: skip
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
