"""Energy of a simulated netlist in cells of a Liberty library."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cells import Table
from .kinds import Kind
from .liberty import Library
from .netlist import Netlist
from .simulate import LANES, Simulation

__all__ = ["Block", "Energy", "loads", "measure", "slews"]

Floats = NDArray[np.float64]
ROUNDS = 4  # over the netlist, for slews


@dataclass
class Block:
    """Joules per cycle, watts of leakage, area and cells."""

    internal: float = 0.0
    switching: float = 0.0
    leakage: float = 0.0
    area: float = 0.0
    cells: int = 0

    def __iadd__(self, other: "Block") -> "Block":
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    @property
    def dynamic(self) -> float:
        """Joules per cycle."""
        return self.internal + self.switching


@dataclass
class Energy:
    """Of the whole, and by block; ``inputs``: joules per cycle of what drives the unit."""

    whole: Block
    blocks: dict[str, Block]
    inputs: float


def _members(net: Netlist) -> Iterator[tuple[Kind, NDArray[np.int64]]]:
    """Cells of each kind."""
    for number, kind in enumerate(net.kinds):
        yield kind, np.flatnonzero(net.kind == number)


def _nets(net: Netlist, kind: Kind, cells: NDArray[np.int64], pin: str) -> NDArray[np.int64]:
    return net.nets[net.pins[cells] + kind.pins.index(pin)]


def loads(net: Netlist) -> Floats:
    """Farad of each net: of the inputs that it drives, the larger of the sums for rise and fall.

    That is OpenSTA's rule. Libraries do not agree on what a pin's one ``capacitance`` is: the mean
    of both in sky130 and IHP's, the larger in ASAP7.
    """
    total = np.zeros((net.count, 2))
    for kind, cells in _members(net):
        if kind.cell is None:
            continue
        for pin in kind.cell.pins:
            if pin.is_input:
                np.add.at(total, _nets(net, kind, cells, pin.name), pin.capacitance)
    return total.max(axis=1)


def _mean(tables: tuple[Table, ...], slew: Floats, load: Floats) -> Floats:
    return sum((t.at(slew, load) for t in tables), np.zeros(len(slew))) / max(1, len(tables))


def slews(net: Netlist, load: Floats) -> Floats:
    """Seconds of each net's transition: by the library's tables, mean of all arcs of an output.

    An output's input slew is the mean of its cell's inputs. What comes from outside has the mean of
    all others.
    """
    slew = np.zeros(net.count)
    for _ in range(ROUNDS):
        driven = np.zeros(net.count, bool)
        for kind, cells in _members(net):
            if kind.cell is None or not len(cells):
                continue
            ins = [slew[_nets(net, kind, cells, name)] for name in kind.inputs]
            entering = np.mean(ins, axis=0) if ins else np.zeros(len(cells))
            for pin in kind.cell.pins:
                if not pin.is_input and pin.slews:
                    nets = _nets(net, kind, cells, pin.name)
                    slew[nets] = np.maximum(_mean(pin.slews, entering, load[nets]), 0)
                    driven[nets] = True
        if driven.any():
            slew[~driven] = slew[driven].mean()
    return slew


def measure(sim: Simulation, library: Library) -> Energy:
    """Energy of what ``sim`` counted.

    - Switching: half C·V² for each change of a net, C being that of the inputs it drives. Nets
      from outside, the clock's among them, are not the unit's: their energy is ``inputs``.
    - Internal: the tables at the net's load and the slews of :func:`slews`. Where several inputs
      changed with an output, the mean of their tables.
    - Leakage: by each cell's state.
    """
    net = sim.netlist
    samples = max(1, sim.cycles * LANES)
    load = loads(net)
    slew = slews(net, load)
    half = 0.5 * library.voltage**2
    internal, switching, leakage, area = (np.zeros(len(net.kind)) for _ in range(4))
    for kind, cells in _members(net):
        if not len(cells):
            continue
        base, meter = net.base[cells], kind.meter

        def rate(counter: int, base: NDArray[np.int64] = base) -> Floats:
            return sim.counts[base + counter] / samples

        for pin, (rise, fall) in meter.toggles.items():
            nets = _nets(net, kind, cells, pin)
            switching[cells] += half * load[nets] * (rate(rise) + rate(fall))
            if kind.cell is None:
                continue
            for edge, counter in enumerate((rise, fall)):
                arcs = [
                    (p.rise if edge == 0 else p.fall, p.related, (up, down)[edge])
                    for p, up, down in meter.powers
                    if p.pin == pin
                ]
                if not arcs:
                    continue
                hits = [rate(n) for _, _, n in arcs]
                each = [
                    sum(
                        (t.at(slew[_nets(net, kind, cells, rel)] if rel else slew[nets],
                              load[nets]) for t in tables),
                        np.zeros(len(cells)),
                    )
                    for tables, rel, _ in arcs
                ]  # fmt: skip
                total = np.sum(hits, axis=0)
                weighted = np.sum([h * e for h, e in zip(hits, each, strict=True)], axis=0)
                mean = np.where(total > 0, weighted / np.maximum(total, 1e-30), np.mean(each, 0))
                internal[cells] += mean * rate(counter)
        if kind.cell is None:
            continue
        for power, up, down in meter.powers:
            if power.pin in kind.output_pins:
                continue
            nets = _nets(net, kind, cells, power.pin)
            for tables, counter in ((power.rise, up), (power.fall, down)):
                for table in tables:
                    internal[cells] += table.at(slew[nets], load[nets]) * rate(counter)
        rest = np.ones(len(cells))
        for watts, counters in meter.leaks:
            share = np.mean([rate(n) for n in counters], axis=0)
            leakage[cells] += watts * share
            rest -= share
        leakage[cells] += meter.rest * np.maximum(rest, 0)
        area[cells] = kind.cell.area
    blocks: dict[str, Block] = {}
    is_cell = np.array([kind.cell is not None for kind in net.kinds])[net.kind]
    for number, name in enumerate(net.blocks):
        at = net.block == number
        blocks[name] = Block(
            float(internal[at].sum()),
            float(switching[at].sum()),
            float(leakage[at].sum()),
            float(area[at].sum()),
            int(np.count_nonzero(at & is_cell)),
        )
    inputs = blocks.pop("inputs", Block()).switching
    if net.clock >= 0:
        # The clock rises and falls in every cycle; the simulation holds it still.
        inputs += 2 * half * float(load[net.clock])
    whole = Block()
    for block in blocks.values():
        whole += block
    return Energy(whole, {k: b for k, b in blocks.items() if b.cells}, inputs)
