"""What is said of each node of a network, before and after a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.program.descriptor import Descriptor

from .compiled import HostStep, MachineStep, Step, TableStep
from .costs import Costs

__all__ = ["Done", "Row", "counted", "different", "planned"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Row:
    """A node of a plan, or of a run; several nodes where they are a table.

    Attributes
    ----------
    name, op : str
    where, why : str
        "machine" or "host"; why it is the host, else "".
    way : str
        What is made of it, and what the other ways take.
    glue : str
        What the host does before and after a product of the machine.
    descriptors, macs : int
        Products that the node needs, of nodes on the host that multiply as well.
    cycles, model_cycles : int or None
        As counted, or by the exact models where nothing is counted; ``None``: not known.
    utilisation, usual : float or None
        Products by what the array could have made in ``cycles``; ``usual``: the same of this node
        alone by the exact models, if im2col lay in memory and 8 bits were written.
    less : str
        Why utilisation is less than it could be, in a few words.
    bytes : int or None
        Over the bus.
    energy : dict or None
        Least, likely and most pJ by process and memory; empty if there are no figures,
        ``None`` on the host.
    different : int or None
        Elements that are not onnxruntime's, ``None`` if none were compared.
    """

    name: str
    op: str
    where: str
    why: str
    way: str = ""
    glue: str = ""
    descriptors: int = 0
    macs: int = 0
    cycles: int | None = None
    model_cycles: int | None = None
    utilisation: float | None = None
    usual: float | None = None
    less: str = ""
    bytes: int | None = None
    energy: dict[str, tuple[float, float, float]] | None = None
    different: int | None = None


@dataclass(frozen=True)
class Done:
    """What a run gave: ``outputs`` by name, a row per node, and where it was compared whether all
    of it is onnxruntime's, bit for bit: ``exact``, ``None`` otherwise."""

    outputs: dict[str, Array]
    rows: list[Row]
    exact: bool | None = None


def planned(step: Step, costs: Costs) -> Row:
    """The row of ``step`` before a run."""
    if isinstance(step, HostStep):
        return Row(step.node.name, step.node.op, "host", step.why, macs=step.macs)
    if isinstance(step, TableStep):
        nodes = step.table.region.nodes
        what = f"table ({len(nodes)} node{'s' if len(nodes) > 1 else ''})"
        return Row(nodes[-1].name, what, "host", "a table of 256 bytes",
                   way=", ".join(node.op for node in nodes))  # fmt: skip
    product = step.product
    after = "" if product.ending.on_machine else "rounding" if product.work.output else ""
    glue = ", ".join(x for x in (product.work.glue, after) if x)
    row = Row(
        step.node.name, step.node.op, "machine", "", way=step.choice.said, glue=glue,
        descriptors=len(step.calls), macs=product.work.macs, usual=step.choice.usual,
    )  # fmt: skip
    return counted(row, step, step.jobs, [], costs)


def counted(
    row: Row,
    step: MachineStep,
    jobs: Sequence[Descriptor],
    counters: Sequence[Mapping[str, int]],
    costs: Costs,
) -> Row:
    """``row`` with what ``jobs`` took, by ``counters`` of each, or by the models without any."""
    macs, cost = step.product.work.macs, costs.of(jobs)
    total: dict[str, int] = {}
    for one in counters:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    cycles = total.get("cycles", cost.cycles if cost else None)
    if cost:
        whole = total if "macs" in total else {}
        row = replace(row, model_cycles=cost.cycles, bytes=cost.bytes,
                      energy=costs.energy(jobs, whole))  # fmt: skip
    if cycles:
        used = costs.utilisation(macs, cycles)
        less = costs.less(step.product, used, row.usual)
        row = replace(row, cycles=cycles, utilisation=used, less=less)
    return row


def different(found: Array, wanted: Array) -> int:
    """Elements that are not the same, bit for bit; all of them if shape or type are not."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return max(1, wanted.size)
    if found.dtype.kind == "f":
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
        return int((~same).sum())
    return int((found != wanted).sum())
