"""What ``make net`` says of a network: sums over its nodes, and the plan as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import report
from .compare.tables import number

if TYPE_CHECKING:
    from insitu.program.networks.compiled import Compiled
    from insitu.program.networks.rows import Row

__all__ = ["memory", "show", "totals"]

LETTERS = 24  # of a node's name


def totals(rows: "Sequence[Row]") -> dict[str, Any]:
    """Keys of a report that are sums over the nodes.

    ``utilisation``: products by what the array could have made in the machine's cycles; ``usual``:
    the same with im2col in memory and results of 8 bits, each node alone; ``energy``: least, likely
    and most pJ by process and memory, of those nodes that have figures.
    """
    ours = [row for row in rows if row.where == "machine"]
    keys = ("cycles", "model_cycles", "bytes", "descriptors")
    found: dict[str, Any] = {key: sum(getattr(row, key) or 0 for row in ours) for key in keys}
    found |= {
        "macs": sum(row.macs for row in rows),
        "macs_on_machine": sum(row.macs for row in ours),
        "host_nodes": len(rows) - len(ours),
        "tables": sum(row.op.startswith("table (") for row in rows),
    }
    for key in ("utilisation", "usual"):
        known = [row for row in ours if getattr(row, key)]
        # Cycles at peak by cycles, up to a factor that is the same for both.
        spent = sum(row.macs / getattr(row, key) for row in known)
        found[key] = sum(row.macs for row in known) / spent if spent else None
    energy: dict[str, list[float]] = {}
    for row in ours:
        for where, values in (row.energy or {}).items():
            before = energy.get(where, [0.0, 0.0, 0.0])
            energy[where] = [x + y for x, y in zip(before, values, strict=True)]
    return found | {"energy": energy}


def memory(compiled: "Compiled") -> dict[str, Any]:
    """Bytes of memory: of all, of the arena for activations and sums, the least that this could be
    and what they take without sharing, and of weights, biases and scales."""
    found = {"all": compiled.top, "weights": compiled.weights, "arena": compiled.arena}
    return {"memory": found | {"in_use": compiled.live, "apart": compiled.apart}}


def show(title: str, rows: "Sequence[Row]", facts: dict[str, Any], *, ways: bool = False) -> None:
    """The nodes of the machine, and in a line each kind of node that the host has.

    ``ways``: also how each node of the machine is done, and why no more of the array is used.
    """
    ours = [row for row in rows if row.where == "machine"]
    wrong = any(row.different for row in rows)
    where = next(iter(facts["energy"]), None)
    columns = ["node", "jobs", "products", "cycles", "used %", "im2col %", "bytes"]
    columns += [f"µJ {where}"] if where else []
    columns += ["wrong"] if wrong else []
    shown = [
        [row.name[-LETTERS:], row.descriptors, row.macs, row.cycles or 0, _ratio(row.utilisation),
         _ratio(row.usual), row.bytes or 0, *([_micro(row, where)] if where else []),
         *([row.different or 0] if wrong else [])]
        for row in ours
    ]  # fmt: skip
    report.table(title, columns, shown)
    for row in ours if ways else []:
        less = f"; less is used as: {row.less}" if row.less else ""
        report.console.print(f"{row.name[-LETTERS:]} ({row.op}): {row.way}{less}")
    share, say = facts["macs_on_machine"] / max(1, facts["macs"]), report.console.print
    say(
        f"{facts['macs_on_machine']:,} of {facts['macs']:,} products on the machine "
        f"({100 * share:.1f} %) in {facts['descriptors']:,} descriptors, {facts['cycles']:,} "
        f"cycles, {_ratio(facts['utilisation'])} % of the array used ({_ratio(facts['usual'])} % "
        f"with im2col in memory and results of 8 bits), {facts['bytes']:,} bytes over the bus"
    )
    for place, (low, likely, high) in facts["energy"].items():
        said = [number(x / 1e6) for x in (likely, low, high)]
        say(f"energy at {place}: {said[0]} µJ ({said[1]} to {said[2]})")
    if ours and not facts["energy"]:
        say("energy: there are no figures for this machine")
    held = facts["memory"]
    say(
        f"memory: {held['all']:,} bytes, {held['weights']:,} of them weights, {held['arena']:,} an "
        f"arena for activations and sums ({held['apart']:,} without sharing)"
    )
    _show_host(rows, facts)
    compared = [row.different for row in rows if row.different is not None]
    if compared:
        say(f"{sum(compared):,} elements of {len(compared)} tensors differ from onnxruntime's")


def _show_host(rows: "Sequence[Row]", facts: dict[str, Any]) -> None:
    there: dict[tuple[str, str], int] = {}
    for row in rows:
        if row.where == "host":
            there[row.op, row.why] = there.get((row.op, row.why), 0) + 1
    report.console.print(f"{facts['host_nodes']} steps of the host")
    for (op, why), count in there.items():
        report.console.print(f"host: {count} × {op}: {why}")
    glue: dict[str, int] = {}
    for row in rows:
        for what in filter(None, row.glue.split(", ")):
            glue[what] = glue.get(what, 0) + 1
    if glue:
        said = ", ".join(f"{what} ({count})" for what, count in glue.items())
        report.console.print(f"host, around products: {said}")


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _micro(row: "Row", where: str) -> str:
    return number(row.energy[where][1] / 1e6) if row.energy else "–"
