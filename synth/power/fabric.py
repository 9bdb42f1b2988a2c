"""Activity of a unit in cells of an FPGA, by the models of those cells lowered to gates."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from insitu.hdl.support.files import digest

from ..devices import Device
from ..flow import CELLS, prepare
from .kinds import generic
from .mapping import cached
from .netlist import Netlist, read
from .simulate import LANES, Simulation

__all__ = ["Fabric", "Use", "to_fabric"]

_SPRAM = Path(__file__).with_name("spram.v")
_PRIMITIVES = Path(__file__).resolve().parents[2] / "verification" / "primitives"
# Models of a family's cells: Yosys's own, and ours where it has none.
_MODELS = {
    "ice40": ("-D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v", ()),
    "ecp5": ("+/lattice/common_sim.vh +/lattice/ccu2c_sim.vh", ("MULT18X18D", "DP16KD")),
}
# Cells whose outputs are wires of the routing: what a toggle's energy is for.
_WIRED = {"lut4", "ff", "dsp", "bram", "dist_ram"}
# Bits of half an operand of a DSP, each half being a multiplier's.
_HALF = {"SB_MAC16": 8, "MULT18X18D": 9}
_OPERAND = re.compile(r"([AB])(\d*)")
_PARAMOD = re.compile(r"\$paramod(?:\$[0-9a-f]+)?\\(\w+)")


def to_fabric(text: str, name: str, unit: str, device: Device, options: str = "") -> Path:
    """Netlist of RTLIL ``text``: its top ``top``, flat, in cells of ``device``, and their gates.

    ``options`` go to the family's synthesis command. Memories are read without a clock, registers
    are plain ones with gates before them.
    """
    yosys_models, own = _MODELS[device.family]
    files = {f"{cell}.v": (_PRIMITIVES / f"{cell}.v").read_text(encoding="utf-8") for cell in own}
    if "SB_SPRAM256KA" in text:
        files["spram.v"] = _SPRAM.read_text(encoding="utf-8")
    script = (
        f"read_rtlil in.il\n{prepare(unit)}{device.synth} {options} -flatten -top top\n"
        # Our model knows multipliers without the global reset only, which nothing here uses.
        'setparam -set GSR "DISABLED" t:MULT18X18D\n'
        "select top\nwrite_rtlil -selected mapped.il\nselect -clear\ndesign -reset\n"
        "read_rtlil mapped.il\n"
        f"read_verilog -defer {yosys_models}\n"
        + "".join(f"read_verilog -overwrite -defer {file}\n" for file in files)
        + "hierarchy -top top\nproc\nopt_expr\nopt_clean\nopt -fast\nmemory -nomap\n"
        "memory_nordff\nopt -fast\nasync2sync\ntechmap\nopt -fast -full\n"
        "dfflegalize -cell $_DFF_P_ 01\ntechmap\nopt -fast -full -nodffe -nosdff\n"
        "setattr -unset src\n"
    )
    key = digest(text, script, *files.values())
    return cached(f"{name}-{unit}-{device.name}", key, {"in.il": text, **files}, script)


@dataclass(frozen=True)
class Use:
    """Per cycle, in a block or in all: ``toggles`` of outputs of cells, ``multiplies`` of halves of
    DSPs whose operands changed; and the block's ``registers``."""

    toggles: float = 0.0
    multiplies: float = 0.0
    registers: int = 0


def resource(kind: str) -> str:
    """Resource that a cell is, by the names of :data:`insitu.synth.flow.CELLS`, or ``""``."""
    for name, patterns in CELLS.items():
        if any(re.fullmatch(pattern, kind) for pattern in patterns):
            return name
    return ""


def _base(kind: str) -> str:
    """Cell that a module with parameters is made of."""
    found = _PARAMOD.match(kind)
    return found[1] if found else kind


class Fabric:
    """A unit's netlist in cells of an FPGA.

    Parameters
    ----------
    path : Path
        From :func:`to_fabric`.
    """

    def __init__(self, path: Path) -> None:
        design = read(path)
        top = design["modules"]["top"]
        modules = design["modules"]
        top["cells"] = {n: c for n, c in top["cells"].items() if c["type"] in modules}
        self.cells = Counter(_base(cell["type"]) for cell in top["cells"].values())
        self.resources = dict.fromkeys(CELLS, 0)
        for kind, count in self.cells.items():
            if found := resource(kind):
                self.resources[found] += count
        self.net = Netlist(design, generic, watched=False)
        self._watched: list[tuple[int, str]] = []  # cell, block
        self._operands: list[tuple[list[int], str]] = []
        self._registers: Counter[str] = Counter()
        self._watch(design, top)
        self.net.finish()

    def _watch(self, design: dict[str, Any], top: dict[str, Any]) -> None:
        """Probes at the outputs of cells. What goes only to the flip-flop of the same logic cell is
        no wire."""
        users: Counter[int] = Counter()
        into_ff: set[int] = set()
        for cell in top["cells"].values():
            kind, directions = _base(cell["type"]), self._directions(design, cell)
            for port, wires in cell["connections"].items():
                if directions.get(port) != "output":
                    users.update(bit for bit in wires if isinstance(bit, int))
                    if resource(kind) == "ff" and port in ("D", "DI"):
                        into_ff.update(bit for bit in wires if isinstance(bit, int))
        for port in top["ports"].values():
            users.update(bit for bit in port["bits"] if isinstance(bit, int))
        for name, cell in top["cells"].items():
            kind, directions = _base(cell["type"]), self._directions(design, cell)
            what, block = resource(kind), self.net.block_of(name.split("$")[0])
            self._registers[block] += what == "ff"
            halves: tuple[set[int], set[int]] = (set(), set())
            for port, wires in cell["connections"].items():
                for n, bit in enumerate(wires):
                    if not isinstance(bit, int):
                        continue
                    if directions.get(port) == "output":
                        hidden = what == "lut4" and users[bit] == 1 and bit in into_ff
                        if what in _WIRED and not hidden:
                            self._watched.append((self.net.watch_bit(bit), block))
                    elif what == "dsp" and (found := _OPERAND.fullmatch(port)):
                        at = n + int(found[2] or 0)
                        halves[at >= _HALF[kind]].add(bit)
            # Copies of a sign are no operand of the upper half.
            for half in (halves[0], halves[1] - halves[0]):
                if half:
                    self._operands.append(([self.net.watch_bit(x) for x in half], block))

    @staticmethod
    def _directions(design: dict[str, Any], cell: dict[str, Any]) -> dict[str, str]:
        ports = design["modules"][cell["type"]]["ports"]
        return {name: port["direction"] for name, port in ports.items()}

    def use(self, sim: Simulation) -> dict[str, Use]:
        """What ``sim``, of ``net``, counted, by block.

        Half a DSP multiplies in the cycles in which any bit of that half of its operands changed:
        estimated from the rates of the bits, as if they changed independently of each other.
        """
        samples = max(1, sim.cycles * LANES)
        base, blocks = self.net.base, sorted(self._registers)

        def rate(cell: int) -> float:
            return float(sim.counts[base[cell] : base[cell] + 2].sum()) / samples

        toggles = dict.fromkeys(blocks, 0.0)
        multiplies = dict.fromkeys(blocks, 0.0)
        for cell, block in self._watched:
            toggles[block] += rate(cell)
        for operands, block in self._operands:
            still = float(np.prod([1 - rate(cell) for cell in operands]))
            multiplies[block] += 1 - still
        return {
            block: Use(toggles[block], multiplies[block], self._registers[block])
            for block in blocks
        }

    @staticmethod
    def total(parts: Sequence[Use]) -> Use:
        """Of several blocks."""
        return Use(
            sum(x.toggles for x in parts),
            sum(x.multiplies for x in parts),
            sum(x.registers for x in parts),
        )
