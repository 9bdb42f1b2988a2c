"""Tables of ``docs/own-network.md``: networks by the models, which are equal to the RTL."""

from typing import Any

from insitu.hdl.support.cli import main
from insitu.machine import Machine
from insitu.program.networks import Network
from insitu.program.networks.graph import read
from insitu.program.networks.models import names, prepared
from insitu.program.networks.rows import Row
from insitu.synth.docs import update

from ...simulators import ROOT
from ..compare.tables import number
from ..net_report import memory, totals

__all__ = ["PAGE", "layers", "networks"]

PAGE = ROOT / "docs" / "own-network.md"
CONFIG = "ws-8x8"
WHERE = "45nm, dram"
MANY = ("textline",)
"""Of more layers than a page has room for."""


def _network(name: str) -> tuple[dict[str, Any], list[Row]]:
    """Sums over a network that is known by name, and its plan."""
    path, inputs = prepared(name)
    network = Network(read(path), Machine(CONFIG))
    rows = network.plan(inputs)
    return totals(rows) | memory(network.compile(inputs)), rows


def _line(name: str) -> str:
    """Of the table of networks."""
    facts, _ = _network(name)
    held = facts["memory"]
    cells = [
        name, f"{facts['macs'] / 1e6:.2f}",
        f"{100 * facts['macs_on_machine'] / facts['macs']:.0f} %", f"{facts['descriptors']}",
        f"{facts['cycles']:,}", _share(facts["utilisation"]), _share(facts["usual"]),
        f"{facts['bytes'] / 1e3:,.1f}", number(facts["energy"][WHERE][1] / 1e6),
        f"{held['arena'] / 1e3:,.1f} / {held['apart'] / 1e3:,.1f}", f"{held['weights'] / 1e3:,.1f}",
        f"{facts['host_nodes']} / {facts['tables']}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def networks(*, large: bool = False) -> str:
    """Table of the networks, the large ones or the others."""
    columns = [
        "network", "Mproducts", "on the machine", "descriptors", "cycles", "used",
        "im2col in memory", "kB over the bus", f"µJ, {WHERE}", "kB arena / unshared",
        "kB weights", "host steps / tables",
    ]  # fmt: skip
    head = [f"| {' | '.join(columns)} |", "|---" + "|--:" * (len(columns) - 1) + "|"]
    return "\n".join([*head, *(_line(name) for name in names(large=large))])


def _layers(name: str) -> list[str]:
    """Lines of the table of layers: of ``name``, those of the machine."""
    _, rows = _network(name)
    return [
        f"| {name} | {row.name} | {row.op} | {row.macs:,} | {row.cycles:,} | "
        f"{_share(row.utilisation)} | {_share(row.usual)} | {row.way} | {row.less} |"
        for row in rows
        if row.where == "machine"
    ]


def layers() -> str:
    """Layers of all but those of many layers."""
    columns = ["network", "node", "operator", "products", "cycles", "used", "im2col in memory",
               "how", "why less"]  # fmt: skip
    lines = [x for name in names(large=False) if name not in MANY for x in _layers(name)]
    return "\n".join(
        [f"| {' | '.join(columns)} |", "|---|---|---|--:|--:|--:|--:|---|---|", *lines]
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def job() -> int:
    """Write the tables."""
    update(PAGE, "networks", networks())
    update(PAGE, "large networks", networks(large=True))
    update(PAGE, "layers", layers())
    return 0


if __name__ == "__main__":
    main(job)
