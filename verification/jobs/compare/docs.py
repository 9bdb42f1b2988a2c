"""Tables of ``docs/compare.md``, by the models, which are equal to the RTL: ``make docs``."""

import re
from collections.abc import Callable

from insitu.hdl.support.cli import main
from insitu.sim_models.energy import NODES
from insitu.sim_models.energy.words import PER_PRODUCT, closed_form, kind_of, per_product, text
from insitu.synth.docs import update

from ...simulators import ROOT
from .answers import answers
from .cases import CASES, NETWORKS, PEAKS
from .compare import synthesis
from .modelled import SHARED, counted, done, sized_point, there
from .models import KINDS, unequal
from .orders import claim, ranking, with_own_logic
from .run import bill, energy_of
from .tables import FABRIC, POOLS, fabric, formula_works, held_bytes, machines, ranged

__all__ = ["PAGE", "TABLES"]

NUMBER = re.compile(r"[\d,.]+( [(/].*)?$|–?$")  # a value, with a range or another value after it
PAGE = ROOT / "docs" / "compare.md"
SHOWN = {"bert-base": PEAKS, "palm-540b-layer": (4096,)}


def _lines(columns: list[str], rows: list[list[str]]) -> str:
    # Numbers to the right.
    marks = ["--:" if all(NUMBER.match(x) for x in cells) else "---"
             for cells in zip(*rows, strict=True)]  # fmt: skip
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, marks, *rows])


def table_machines() -> str:
    """The machines as they are, and those that are not there yet."""
    rows = []
    for machine, config in machines().items():
        if config is None:
            rows.append([machine.config, machine.rung, "not there yet", ""])
            continue
        shell = config.shell
        peak = f"{shell.array.macs_per_cycle:g}"
        rows.append([machine.config, machine.rung, peak, f"{held_bytes(shell):,}"])
    return _lines(["machine", "what it is", "products per cycle", "bytes held"], rows)


def table_cases() -> str:
    """Cycles, bits and words of every case."""
    rows = []
    for case, what in CASES.items():
        for name in there():
            x = done(name, case)
            rows.append(
                [what, name, f"{x['cycles']:,}", f"{x['bits_per_mac']:.3g}",
                 f"{x['bound_bits_per_mac']:.3g}", f"{x['words_per_mac']:.3g}"]
            )  # fmt: skip
    columns = ["work", "machine", "cycles", "bits / product", "least", "words / product"]
    return _lines(columns, rows)


def table_words() -> str:
    """The closed formulas on a GEMM that each array divides."""
    rows = []
    for name, config in there().items():
        shell, job = config.shell, formula_works(config, 1)[-1].job
        words = closed_form(shell, job.m, job.n, job.k)
        size = f"{job.m} × {job.n} × {job.k}"
        per = words / (job.m * job.n * job.k)
        texts = PER_PRODUCT[kind_of(shell.array)]
        parts = [f"{float(x):.4g}" for x in per_product(shell, job.m, job.k)]
        rows.append([name, text(shell), size, f"{words:,}", f"{per:.4f}",
                     *(x for pair in zip(texts, parts, strict=True) for x in pair)])  # fmt: skip
    columns = ["machine", "words", "M × N × K", "counted = formula", "per product"]
    columns += ["operands per product", "", "sums per product", ""]
    return _lines(columns, rows)


def table_energy(case: str) -> str:
    """Energy by level of a case."""
    rows = []
    for node in NODES:
        pool = POOLS[node][0]
        for name in there():
            x = done(name, case)
            found = x["energy"][node][pool]
            levels = found["levels_pj"]
            sums = ("sums", "register tile")
            near = [y for y in levels if y not in ("external", "MACs", *sums)]
            parts = [("external",), near, [y for y in sums if y in levels], ("MACs",)]
            cells = [[sum(levels[y][n] for y in part) for n in range(3)] for part in parts]
            cells.append(found["total_pj"])
            rows.append([f"{node}, {pool}", name, *(ranged(cell, x["macs"]) for cell in cells)])
    columns = ["node, memory", "machine", "external", "operands on chip", "sums", "MACs", "all"]
    return _lines(columns, rows)


def table_orders(case: str) -> str:
    """Energy of a case by that of the best machine, and what is open."""
    rows = []
    for node in NODES:
        for pool in POOLS[node]:
            order = ranking(counted(case), node, pool)
            against = ", ".join(
                f"{name} {ranged(x)}" for name, x in order["ratio_to_best"].items()
                if name != order["best"]
            )  # fmt: skip
            pairs = "; ".join(f"{a} before {b}" for a, b in order["open"]) or "none"
            rows.append([f"{node}, {pool}", order["best"], against, pairs])
    return _lines(["node, memory", "best", "times its energy", "open within the ranges"], rows)


def table_logic() -> str:
    """The digits network with gates that were measured."""
    rows = [
        [f"{x['node']}, {x['memory']}", x["machine"]]
        + [ranged(x[key]) for key in ("logic_by_table", "logic", "total_by_table", "total")]
        for x in with_own_logic(
            counted("digits"), {node: pools[0] for node, pools in POOLS.items()}
        )
    ]
    if not rows:
        return "There are no results with standard cells of these nodes yet."
    columns = ["node, memory", "machine", "logic by table", "measured", "all by table", "all"]
    return _lines(columns, rows)


def table_synth() -> str:
    """Every machine on an ECP5-85F, by the history; the digits network by the model."""
    recorded = synthesis(list(there()))
    rows = []
    for name, config in there().items():
        cells = fabric(recorded.get(name), config.shell.array.macs_per_cycle, done(name, "digits"))
        rows.append([name, *(x if isinstance(x, str) else _figure(x) for x in cells)])
    return _lines(["machine", *FABRIC], rows)


def _figure(value: float) -> str:
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:.3g}"
        if value < 100
        else f"{value:.1f}"
    )


def table_claim() -> str:
    """An 8-bit operand by a product."""
    rows = [
        [row["node"], row["memory"], ranged(row["operand_by_mac"]),
         ranged(row["two_operands_by_mac"]), row["a_thousand"]]
        for node in NODES
        for row in claim(node)
        if row["format"] == "int8"
    ]  # fmt: skip
    return _lines(["node", "memory", "operand / MAC", "two / MAC", "operand ≥ 1000 MACs"], rows)


def table_networks() -> str:
    """Networks on machines of equal peak and equal bytes."""
    rows = []
    for network, peaks in SHOWN.items():
        for peak in peaks:
            cells = [NETWORKS[network], f"{peak:,}"]
            found = [sized_point(network, kind, peak) for kind in KINDS]
            held = next(held_bytes(x.shell) for x in found if x)
            bound = next(x.bound_bits / x.macs for x in found if x)
            cells += [f"{held >> 10:,}", f"{bound:.3g}"]
            for x in found:
                cells.append(
                    f"{x.cycles / 1e6:,.1f} / {x.bits / x.macs:.3g}" if x else "cannot be built"
                )
            rows.append(cells)
    return _lines(
        ["network", "products per cycle", "KiB", "least bits / product",
         *(f"{kind}: Mcycles / bits" for kind in KINDS)], rows,
    )  # fmt: skip


def table_equal_energy() -> str:
    """Energy of a network on every kind of machine, at a peak that all can have."""
    found = {kind: sized_point("bert-base", kind, SHARED) for kind in KINDS}
    there = {kind: x for kind, x in found.items() if x}
    rows = []
    for node, pools in POOLS.items():
        order = ranking({k: (x.shell, x.counters) for k, x in there.items()}, node, pools[0])
        totals = [
            ranged(energy_of(bill(x.shell, x.counters, node, pools[0]))["total_pj"], x.macs)
            for x in there.values()
        ]
        pairs = "; ".join(f"{a} before {b}" for a, b in order["open"]) or "none"
        rows.append([f"{node}, {pools[0]}", *totals, pairs])
    return _lines(["node, memory", *there, "open within the ranges"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "answers": lambda: "\n".join(answers()),
    "machines": table_machines,
    "cases": table_cases,
    "words": table_words,
    "digits": lambda: table_energy("digits"),
    "orders": lambda: table_orders("digits"),
    "vectors": lambda: table_energy("vectors"),
    "vector orders": lambda: table_orders("vectors"),
    "logic": table_logic,
    "synth": table_synth,
    "claim": table_claim,
    "networks": table_networks,
    "equal energy": table_equal_energy,
    "unequal": lambda: "\n".join(f"- {line}" for line in unequal()),
}
"""By the mark that each follows in the page."""


def job() -> int:
    for name, make in TABLES.items():
        update(PAGE, name, make())
    return 0


if __name__ == "__main__":
    main(job)
