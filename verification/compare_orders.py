"""Who takes least energy, by how much, and where the ranges of the figures leave that open."""

from typing import Any

from hdl.config import MachineConfig
from sim_models.energy import Bill, Range, charge, flips, mac_energy, ratio, table
from sim_models.energy.words import kind_of

__all__ = ["FORMS", "bills", "claim", "ranking"]

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
