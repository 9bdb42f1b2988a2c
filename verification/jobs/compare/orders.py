"""Who takes least energy, by how much, and where the ranges of the figures leave that open."""

from typing import Any

from insitu.hdl.config import MachineConfig
from insitu.sim_models.energy import Bill, Range, charge, flips, mac_energy, own_logic, ratio, table
from insitu.sim_models.energy.words import kind_of

__all__ = ["FORMS", "Counted", "bills", "claim", "ranking", "with_own_logic"]

FORMS = {"int8": 8, "fp16": 16, "fp32": 32}
"""Operands of a product, and their bits."""

Counted = dict[str, tuple[MachineConfig, dict[str, int]]]


def bills(counted: Counted, node: str, pool: str) -> dict[str, Bill]:
    """Energy by machine; the scalar machine also with a memory port as narrow as an element."""
    found = {}
    for name, (shell, counters) in counted.items():
        found[name] = charge(shell, counters, table(node), pool)
        if kind_of(shell.array) == "simd" and shell.array.cols == 1:
            narrow = charge(shell, counters, table(node), pool, own_width=True)
            found[f"{name}, port of an element"] = narrow
    return found


def with_own_logic(counted: Counted, pools: dict[str, str]) -> list[dict[str, Any]]:
    """Machines whose gates were measured at a node: logic and total by the table and by that."""
    rows = []
    for node, pool in pools.items():
        for name, (shell, counters) in counted.items():
            figure = own_logic(name, node)
            if figure is None:
                continue
            plain = charge(shell, counters, table(node), pool)
            own = charge(shell, counters, table(node), pool, logic=figure)
            macs = 1 / counters["macs"]
            logic = [x for level, x in plain.levels.items() if level in ("MACs", "weights")]
            rows.append(
                {
                    "node": node,
                    "memory": pool,
                    "machine": name,
                    "source": figure.source,
                    "logic_by_table": _three(sum(logic, Range()) * macs),
                    "logic": _three(own.levels["engine"] * macs),
                    "total_by_table": _three(plain.total * macs),
                    "total": _three(own.total * macs),
                }
            )
    return rows


def _three(found: Range) -> list[float]:
    return [found.low, found.value, found.high]


def ranking(counted: Counted, node: str, pool: str) -> dict[str, Any]:
    """Machines, the least energy first, and pairs whose order is open within the ranges.

    Ratios are to the best one, each figure being the same for both, so that what they share does
    not blur them. ``scalar_to_best`` is there where there is a scalar machine.
    """
    found = bills(counted, node, pool)
    order = sorted(found, key=lambda name: found[name].total.value)
    best = order[0]
    against = {name: _three(ratio(found[name], found[best])) for name in order}
    scalar = {n: x for n, x in against.items() if n.startswith("scalar")}
    return {"order": order, "best": best, "ratio_to_best": against, "scalar_to_best": scalar,
            "open": [list(pair) for pair in flips(found)]}  # fmt: skip


def claim(node: str) -> list[dict[str, Any]]:
    """An operand from each memory by a product and its addition, per format of the operands."""
    rows = []
    figures = table(node)
    for pool in figures.pools:
        for form, bits in FORMS.items():
            fetch, mac = figures[pool].per_bit * bits, mac_energy(figures, form)
            values = [fetch.low / mac.high, fetch.value / mac.value, fetch.high / mac.low]
            holds = "yes" if values[0] >= 1000 else "no" if values[2] < 1000 else "open"
            rows.append({"node": node, "memory": pool, "format": form, "operand_by_mac": values,
                         "two_operands_by_mac": [2 * x for x in values],
                         "a_thousand": holds})  # fmt: skip
    return rows
