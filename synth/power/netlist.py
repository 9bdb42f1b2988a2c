"""A mapped design, flattened, as the arrays that the simulation steps through."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import UserError

from .kinds import PROBE, Kind, probe, reset_pin

__all__ = ["Memory", "Netlist", "read"]

Ints = NDArray[np.int64]
_MEMORY = "$mem_v2"
_NUMBER = re.compile(r"(?:[_$]\d+)+$")


@dataclass(frozen=True)
class Memory:
    """A memory, which is simulated but no cell: its energy is not known.

    ``path``: of instances, with dots.
    """

    block: str
    path: str
    depth: int
    width: int
    ports: tuple[int, ...]

    @property
    def bits(self) -> int:
        return self.depth * self.width


def _inside(name: str) -> list[str]:
    """Instances that a cell was in before Yosys flattened them."""
    parts = name.removeprefix("$flatten").replace("\\", "").split(".$")[0].split(".")
    return parts if name.startswith("$flatten") else []


class _Ports:
    """Rows of :attr:`Netlist.ports`, as they are collected."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []
        self.words = 0
        self.memories: list[Memory] = []


class Netlist:
    """A flat netlist.

    Parameters
    ----------
    design : dict
        What Yosys's ``write_json`` wrote.
    kind_of : callable
        Kind of cell by its type.
    watched : bool
        Count the changes of inputs as well.
    depth : int
        Levels of instances that name a block; numbers at the end of a name do not count.
    """

    def __init__(
        self,
        design: dict[str, Any],
        kind_of: Callable[[str], Kind],
        *,
        watched: bool = True,
        depth: int = 2,
        top: str = "top",
    ) -> None:
        self._modules = design["modules"]
        self._kind_of = kind_of
        self._depth = depth
        self._kinds: dict[str, int] = {}
        self.kinds: list[Kind] = []
        self.count = 2  # nets; 0 and 1 are constants
        self.blocks: list[str] = []
        self._block_number: dict[str, int] = {}
        self._kind: list[int] = []
        self._nets: list[int] = []
        self._pins: list[int] = [0]
        self._block: list[int] = []
        self._initial: dict[int, int] = {}
        self._same: dict[int, int] = {}
        self._clocks: set[int] = set()  # of memories
        self.fixed: list[tuple[int, list[int]]] = []  # contents of memories that are only read
        self._ports = _Ports()
        self._extra: list[int] = []  # nets of memory ports, after those of cells
        module = self._modules[top]
        bound: dict[int, int] = {}
        self._top = bound
        self.inputs: dict[str, Ints] = {}
        self.outputs: dict[str, Ints] = {}
        for name, port in module["ports"].items():
            nets = []
            for bit in port["bits"]:
                if isinstance(bit, int) and bit not in bound:
                    bound[bit] = self._fresh()
                nets.append(self._bit(bound, bit))
            group = self.inputs if port["direction"] == "input" else self.outputs
            group[name] = np.array(nets, np.int64)
        self.names: dict[str, Ints] = {}
        self._flatten(module, bound, ())
        for name, entry in module["netnames"].items():
            if all(bit in bound or isinstance(bit, str) for bit in entry["bits"]):
                nets = [self._bit(bound, bit) for bit in entry["bits"]]
                self.names[name] = np.array(nets, np.int64)
        if watched:
            for nets_of in list(self.inputs.values()):
                for net in nets_of:
                    self.watch(int(net), "inputs")

    # --- Building ---

    def _fresh(self) -> int:
        self.count += 1
        return self.count - 1

    def _bit(self, bound: dict[int, int], bit: int | str) -> int:
        if isinstance(bit, str):
            return int(bit == "1")
        if bit not in bound:
            bound[bit] = self._fresh()
        return bound[bit]

    def _root(self, net: int) -> int:
        while net in self._same:
            net = self._same[net]
        return net

    def _join(self, one: int, other: int) -> None:
        """Two nets are one: a module passes an input through, or an output is constant."""
        a, b = sorted((self._root(one), self._root(other)))
        if a != b:
            self._same[b] = a

    def _resolve(self, nets: Sequence[int] | Ints) -> list[int]:
        return [self._root(int(net)) for net in nets]

    def _number(self, kind: str) -> int:
        if kind not in self._kinds:
            self._kinds[kind] = len(self.kinds)
            self.kinds.append(probe() if kind == PROBE else self._kind_of(kind))
        return self._kinds[kind]

    def _block_of(self, path: Sequence[str]) -> int:
        parts = [part for name in path for part in name.split(".") if part != "core"]
        shown = [_NUMBER.sub("", part) for part in parts][: self._depth]
        name = ".".join(shown) or "top"
        if name not in self._block_number:
            self._block_number[name] = len(self.blocks)
            self.blocks.append(name)
        return self._block_number[name]

    def _flatten(self, module: dict[str, Any], bound: dict[int, int], path: tuple) -> None:
        for entry in module.get("netnames", {}).values():
            init = entry.get("attributes", {}).get("init")
            if init is not None:
                for bit, value in zip(entry["bits"], reversed(str(init)), strict=False):
                    if value in "01" and isinstance(bit, int):
                        self._initial[self._bit(bound, bit)] = int(value)
        for name, cell in module["cells"].items():
            if cell["type"] in ("$scopeinfo", "$print"):
                continue
            if cell["type"] in self._modules and not self._is_box(cell["type"]):
                child = self._modules[cell["type"]]
                inside: dict[int, int] = {}
                for port, bits in cell["connections"].items():
                    for own, bit in zip(child["ports"][port]["bits"], bits, strict=True):
                        net = self._bit(bound, bit)
                        if isinstance(own, int):
                            self._join(inside.setdefault(own, net), net)
                        elif child["ports"][port]["direction"] == "output":
                            self._join(int(own == "1"), net)
                self._flatten(child, inside, (*path, name))
                continue
            where = self._block_of((*path, *_inside(name)))
            if cell["type"] == _MEMORY:
                self._memory(cell, bound, where, ".".join((*path, *_inside(name))))
                continue
            number = self._number(cell["type"])
            kind = self.kinds[number]
            nets = []
            for pin in [*kind.inputs, *kind.output_pins]:
                bits = cell["connections"].get(pin, [])
                is_output = pin in kind.output_pins
                nets.append(self._bit(bound, bits[0]) if bits else self._fresh() * is_output)
            self._add(number, nets, where)

    def _is_box(self, kind: str) -> bool:
        return "blackbox" in self._modules[kind].get("attributes", {})

    def _add(self, number: int, nets: list[int], block: int) -> None:
        if self.kinds[number].state:
            nets = [*nets, self._fresh()]
        self._kind.append(number)
        self._nets += nets
        self._pins.append(len(self._nets))
        self._block.append(block)

    def _memory(self, cell: dict[str, Any], bound: dict[int, int], block: int, path: str) -> None:
        given = {
            name: int(value, 2) if set(value) <= {"0", "1"} else 0
            for name, value in cell["parameters"].items()
            if isinstance(value, str) and value and name != "INIT"
        }
        if given["RD_CLK_ENABLE"] or given.get("RD_WIDE_CONTINUATION"):
            raise UserError("power: a memory must be read without a clock of its own")
        depth, width, bits = given["SIZE"], given["WIDTH"], given["ABITS"]
        rows = []

        def nets(name: str, port: int, size: int) -> int:
            at = len(self._extra)
            wires = cell["connections"][name][port * size : (port + 1) * size]
            self._extra += [self._bit(bound, bit) for bit in wires]
            return at

        base = self._ports.words
        for port in range(given["RD_PORTS"]):
            addr, data = nets("RD_ADDR", port, bits), nets("RD_DATA", port, width)
            rows.append([base, depth, width, bits, addr, data, 0, 0])
        for port in range(given["WR_PORTS"]):
            addr, data = nets("WR_ADDR", port, bits), nets("WR_DATA", port, width)
            rows.append([base, depth, width, bits, addr, data, nets("WR_EN", port, width), 1])
        self._clocks |= {
            self._bit(bound, bit) for bit in cell["connections"]["WR_CLK"][: given["WR_PORTS"]]
        }
        if not given["WR_PORTS"]:
            # Word 0 and bit 0 come last.
            contents = [int(bit == "1") for bit in reversed(cell["parameters"]["INIT"])]
            self.fixed.append((base, contents[: depth * width]))
        first = len(self._ports.rows)
        self._ports.rows += rows
        self._ports.words += depth * width
        numbers = tuple(range(first, first + len(rows)))
        self._ports.memories.append(Memory(self.blocks[block], path, depth, width, numbers))

    def watch(self, net: int, block: str) -> int:
        """Count the changes of a net; returns the number of its cell."""
        self._add(self._number(PROBE), [net], self._block_of((block,)))
        return len(self._kind) - 1

    def watch_bit(self, bit: int) -> int:
        """The same for a bit of the top module, by Yosys's number."""
        return self.watch(self._bit(self._top, bit), "inputs")

    def block_of(self, name: str) -> str:
        """Block of the top module's cell ``name``."""
        return self.blocks[self._block_of(name.split(".")[:-1])]

    # --- Arrays ---

    def finish(self) -> "Netlist":
        """Order cells by depth and lay everything out; ``UserError`` for a loop or two clocks."""
        self._nets, self._extra = self._resolve(self._nets), self._resolve(self._extra)
        for named in (self.inputs, self.outputs, self.names):
            for name, nets in named.items():
                named[name] = np.array(self._resolve(nets), np.int64)
        self._initial = {self._root(net): value for net, value in self._initial.items()}
        self.kind = np.array(self._kind, np.int64)
        self.pins = np.array(self._pins, np.int64)
        self.block = np.array(self._block, np.int64)
        self.memories = self._ports.memories
        self.store = self._ports.words
        ports = np.array(self._ports.rows, np.int64).reshape(-1, 8)
        ports[:, 4:7] += len(self._nets)
        self.ports = ports
        self.nets = np.array(self._nets + self._extra, np.int64)
        self._check_clock()
        self._lay_out()
        flops = [n for n, k in enumerate(self._kind) if self.kinds[k].state]
        self.flops = np.array(flops, np.int64)
        self.state_of = self.nets[self.pins[self.flops + 1] - 1] if flops else self.flops
        sizes = np.array([kind.count.counters for kind in self.kinds], np.int64)
        self.base = np.concatenate([[0], np.cumsum(sizes[self.kind])])
        self.initial: Ints | None = None
        if self._initial:
            q = [self.nets[self.pins[n] + len(self.kinds[self._kind[n]].inputs)] for n in flops]
            self.initial = np.array([self._initial.get(int(net), -1) for net in q], np.int64)
        self.order = self._ordered()
        return self

    def _check_clock(self) -> None:
        clocks = set(self._resolve(list(self._clocks))) - {0, 1}
        for number, k in enumerate(self._kind):
            kind = self.kinds[k]
            first = self._pins[number]
            if kind.clock:
                clocks.add(self._nets[first + kind.inputs.index(kind.clock)])
            for expression in kind.tied:
                # Active low, it must be 1: !R or R'.
                name = reset_pin(expression)
                net = self._nets[first + kind.inputs.index(name)]
                if net != int("!" in expression or "'" in expression):
                    raise UserError(f"LIBERTY: {kind.name}: its reset {name} must be tied off")
        if len(clocks) > 1:
            raise UserError(f"power: must have one clock, not {len(clocks)}")
        self.clock = clocks.pop() if clocks else -1

    def _lay_out(self) -> None:
        steps: list[tuple[int, int, int, int]] = []
        parts = []
        for kind in self.kinds:
            row = [len(steps)]
            steps += kind.evaluate.steps
            row.append(len(steps))
            row.append(len(steps))
            steps += kind.count.steps
            row.append(len(steps))
            steps += kind.follow.steps
            row.append(len(steps))
            row.append(len(steps))
            steps += [(0, pin, slot, 0) for pin, slot in kind.outputs]
            row += [len(steps), kind.next_slot]
            parts.append(row)
        programs = [x for kind in self.kinds for x in (kind.evaluate, kind.count, kind.follow)]
        self.slots = max((program.slots for program in programs), default=2)
        self.parts = np.array(parts, np.int64).reshape(-1, 8)
        self.steps = np.array(steps, np.int64).reshape(-1, 4)

    def _ordered(self) -> Ints:
        """Cells with outputs, and read ports as -1 - n, each after what it reads."""
        drives: dict[int, list[int]] = {}
        reads: dict[int, list[int]] = {}
        nets = self.nets.tolist()
        for number, k in enumerate(self._kind):
            kind = self.kinds[k]
            if kind.output_pins:
                first, inputs = self._pins[number], len(kind.inputs)
                drives[number] = nets[first + inputs : first + inputs + len(kind.output_pins)]
                reads[number] = nets[first : first + inputs] if not kind.state else []
        for port, (_, _, width, bits, addr, data, _, writes) in enumerate(self.ports.tolist()):
            if not writes:
                drives[-1 - port] = nets[data : data + width]
                reads[-1 - port] = nets[addr : addr + bits]
        order, stuck = by_depth(drives, reads)
        if stuck:
            block = self.blocks[self._block[max(stuck)]]
            raise UserError(f"power: must have no combinational loop, not one in {block}")
        return np.array(order, np.int64)

    def port(self, name: str) -> Ints:
        """Nets of a port, bit 0 first."""
        return self.inputs[name] if name in self.inputs else self.outputs[name]


def by_depth(
    drives: dict[int, list[int]], reads: dict[int, list[int]]
) -> tuple[list[int], list[int]]:
    """Cells, each after those that drive what it reads; and those that come after themselves."""
    driver = {net: cell for cell, nets in drives.items() for net in nets}
    users: dict[int, list[int]] = {}
    waits, ready, order = {}, [], []
    for cell, nets in reads.items():
        needs = {driver[net] for net in nets if net in driver}
        waits[cell] = len(needs)
        for need in needs:
            users.setdefault(need, []).append(cell)
        if not needs:
            ready.append(cell)
    while ready:
        cell = ready.pop()
        order.append(cell)
        for user in users.get(cell, ()):
            waits[user] -= 1
            if not waits[user]:
                ready.append(user)
    return order, [cell for cell, count in waits.items() if count]


def read(path: Path) -> dict[str, Any]:
    """A netlist that Yosys wrote as JSON."""
    return json.loads(path.read_text(encoding="utf-8"))
