"""Energy from activity: by hand on a few gates, exact units."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from insitu.hdl.config import ArrayConfig, CimConfig, Config, UserError
from insitu.hdl.export import Flat, to_rtlil
from insitu.synth.power import mapping, report
from insitu.synth.power.drive import WrongResult, bits
from insitu.synth.power.energy import Energy, loads, measure
from insitu.synth.power.kinds import generic, of_liberty
from insitu.synth.power.liberty import Library
from insitu.synth.power.mapping import to_liberty
from insitu.synth.power.netlist import Netlist, read
from insitu.synth.power.simulate import LANES, Simulation, pack, unpack
from insitu.synth.power.units import DRIVEN
from insitu.synth.power.units import unit as unit_of
from insitu.synth.power.workloads import WORKLOADS

TINY = Path(__file__).with_name("tiny.lib")
ALL = ~np.uint64(0)
# Figures are compared in these: what is near zero passes for equal to anything near zero.
FJ, NW = 1e-15, 1e-9


def design(ports: dict[str, tuple[str, list]], cells: list[tuple[str, dict]]) -> dict[str, Any]:
    """What Yosys would write of a flat module."""
    return {
        "modules": {
            "top": {
                "ports": {n: {"direction": d, "bits": b} for n, (d, b) in ports.items()},
                "cells": {
                    f"u{k}": {"type": kind, "connections": {p: [bit] for p, bit in pins.items()}}
                    for k, (kind, pins) in enumerate(cells)
                },
                "netnames": {},
            }
        }
    }


@pytest.fixture(scope="module")
def tiny() -> Library:
    return Library([TINY])


def netlist(tiny: Library, ports: dict, cells: list) -> Netlist:
    return Netlist(design(ports, cells), lambda name: of_liberty(tiny.cell(name))).finish()


def energy_of(
    tiny: Library, net: Netlist, steps: list[dict[str, int]], settling: int = 1
) -> tuple[Energy, int]:
    """Energy of a sequence of inputs, alike in all lanes; the first ones set the state."""
    sim = Simulation(net)
    for n, step in enumerate(steps):
        for port, value in step.items():
            sim.set(port, value)
        sim.cycle(count=n >= settling)
    return measure(sim, tiny), sim.cycles


GATES = {"a": ("input", [2]), "b": ("input", [3]), "y": ("output", [5])}
# An inverter drives input A of a NAND2, whose other input comes from outside.
CHAIN = [("INV", {"A": 2, "Y": 4}), ("NAND2", {"A": 4, "B": 3, "Y": 5})]


def test_gates_by_hand(tiny):
    """Rises and falls, load, conditions, state of leakage."""
    net = netlist(tiny, GATES, CHAIN)
    steps = [{"a": 1, "b": 1}, {"a": 0}, {"a": 1}, {"b": 0}, {"a": 0}]
    energy, cycles = energy_of(tiny, net, steps)
    # The inverter rises twice and falls once into 2 fF: 2 + 0.2 fJ a rise, 1 fJ a fall.
    inverter = 2 * 2.2 + 1
    # The NAND2 falls and rises by A while B is 1; then A rises while B is 0.
    nand = 3 + 4 + 0.5
    assert energy.whole.internal * cycles / FJ == pytest.approx(inverter + nand)
    # Three changes of 2 fF; the NAND2 drives nothing.
    assert energy.whole.switching * cycles / FJ == pytest.approx(0.5 * 3 * 2)
    # From outside: a three times at 1 fF; b once at 3.5 fF, the larger of rise and fall.
    assert energy.inputs * cycles / FJ == pytest.approx(0.5 * (3 * 1 + 3.5))
    # A & B, then A' & B (the rest), then neither, then A alone (the rest).
    assert energy.whole.leakage / NW == pytest.approx(3 + (4 + 2 + 1 + 2) / 4)
    assert (energy.whole.area, energy.whole.cells) == (3, 2)


def test_load_of_a_net(tiny):
    """The larger of the sums for rise and fall, not the sum of the larger ones."""
    ports = {"a": ("input", [2]), "y": ("output", [4, 5])}
    cells = [("INV", {"A": 2, "Y": 3}), ("NAND2", {"A": 2, "B": 3, "Y": 4})]
    net = netlist(tiny, ports, [*cells, ("NOR2", {"A": 3, "B": 2, "Y": 5})])
    # 3.5 and 2.5 fF of the NAND2, 1.5 and, as nothing is said of it, 2 fF of the NOR2.
    assert loads(net)[net.nets[net.pins[0] + 1]] / 1e-15 == pytest.approx(5)


def test_inputs_that_change_together(tiny):
    """An output takes the mean of the inputs that may have caused its change."""
    net = netlist(tiny, GATES, [("NAND2", {"A": 2, "B": 3, "Y": 5})])
    energy, cycles = energy_of(tiny, net, [{"a": 0, "b": 0}, {"a": 1, "b": 1}, {"a": 0, "b": 0}])
    # Falls by both, rises by both; then A fell while B is 0.
    assert energy.whole.internal * cycles / FJ == pytest.approx(4 + 5 + 0.25)


def test_flip_flop_by_hand(tiny):
    """Clock by what the register does, the fall at the state after it, supply pins once."""
    ports = {"clk": ("input", [2]), "d": ("input", [3]), "q": ("output", [4])}
    net = netlist(tiny, ports, [("DFF", {"CLK": 2, "D": 3, "Q": 4})])
    # Q: 0, 0, 1, 1, 1.
    energy, cycles = energy_of(tiny, net, [{"d": d} for d in (0, 0, 0, 1, 1, 1, 0)], settling=2)
    assert cycles == 5
    rises = 7 + 7 + 0 + 7 + 7  # not where D is 1 and Q 0 before the edge
    falls = 6 + 8 + 6 + 6 + 8  # D has already changed in the second and in the last
    assert energy.whole.internal * cycles / FJ == pytest.approx(rises + falls + 2 * 0.5 + 12)
    assert energy.whole.switching == 0
    # D twice at 2 fF, and the clock's 3 fF twice a cycle.
    assert energy.inputs * cycles / FJ == pytest.approx(0.5 * 2 * 2 + 3 * cycles)
    assert energy.whole.leakage / NW == pytest.approx(15)


def test_registers_hold_their_value(tiny):
    """Random bits through three registers come out three cycles later, in every lane."""
    ports = {"clk": ("input", [2]), "d": ("input", [3]), "q": ("output", [6])}
    cells = [("DFF", {"CLK": 2, "D": n, "Q": n + 1}) for n in (5, 3, 4)]
    sim = Simulation(netlist(tiny, ports, cells))
    sent, seen = np.random.default_rng(1).integers(0, 2, (40, LANES, 1)), []
    for values in sent:
        sim.set("d", pack(values))
        sim.cycle()
        seen.append(unpack(sim.get("q")))
    assert np.array_equal(np.array(seen[3:]), sent[:-3])


PYTHON: dict[str, Any] = {
    "INV": lambda a: 1 - a,
    "NAND2": lambda a, b: 1 - a * b,
    "NOR2": lambda a, b: (1 - a) * (1 - b),
}


@pytest.mark.parametrize("seed", range(4))
def test_toggles_equal_a_plain_model(tiny, seed):
    """A random circuit, gate by gate in numpy: every net, every cycle, every count."""
    rng = np.random.default_rng(seed)
    inputs, gates, flops = 5, 60, 8
    first = 3  # bit of input 0; 2 is the clock
    flop_q = [first + inputs + gates + n for n in range(flops)]
    cells: list[tuple[str, dict]] = []
    for n in range(gates):
        kind = str(rng.choice(list(PYTHON)))
        sources = [*range(first, first + inputs + n), *flop_q]
        pins = dict(zip("AB", rng.choice(sources, 1 + (kind != "INV")).tolist(), strict=False))
        cells.append((kind, {**pins, "Y": first + inputs + n}))
    for q in flop_q:
        d = int(rng.integers(first + inputs, first + inputs + gates))
        cells.append(("DFF", {"CLK": 2, "D": d, "Q": q}))
    order = rng.permutation(len(cells))  # the netlist has them in any order
    ports = {"clk": ("input", [2]), "x": ("input", list(range(first, first + inputs)))}
    ports["all"] = ("output", list(range(first, flop_q[-1] + 1)))
    net = netlist(tiny, ports, [cells[n] for n in order])
    sim = Simulation(net)
    value = np.zeros((flop_q[-1] + 1, LANES), np.int64)
    q_now: Any = None
    toggles, before = np.zeros(len(value), np.int64), None
    for _ in range(50):
        stimulus = rng.integers(0, 2, (LANES, inputs))
        sim.set("x", pack(stimulus))
        sim.cycle(count=before is not None)
        value[first : first + inputs] = stimulus.T
        # Registers begin with anything.
        value[flop_q] = unpack(sim.get("all"))[:, -flops:].T if q_now is None else q_now
        for kind, pins in cells[:gates]:
            value[pins["Y"]] = PYTHON[kind](*(value[pins[p]] for p in "AB" if p in pins))
        assert np.array_equal(unpack(sim.get("all")), value[first:].T)
        if before is not None:
            toggles += (value != before).sum(axis=1)
        before = value.copy()
        q_now = np.array([value[pins["D"]] for _, pins in cells[gates:]])
    for number, at in enumerate(order):
        kind, pins = cells[at]
        meter = net.kinds[net.kind[number]].meter
        counters = net.base[number] + np.array(next(iter(meter.toggles.values())))
        assert sim.counts[counters].sum() == toggles[pins["Q" if kind == "DFF" else "Y"]]


def test_modules_and_passes_through(tiny):
    """A module that hands an input on, and one with a constant output, in a hierarchy."""
    top = design({"a": ("input", [2]), "y": ("output", [5, 7])}, [])
    top["modules"]["top"]["cells"] = {
        "m0": {"type": "pass", "connections": {"i": [2], "o": [3], "k": [7]}},
        "u0": {"type": "INV", "connections": {"A": [3], "Y": [5]}},
    }
    top["modules"]["pass"] = {
        "ports": {
            "i": {"direction": "input", "bits": [2]},
            "o": {"direction": "output", "bits": [2]},
            "k": {"direction": "output", "bits": ["1"]},
        },
        "cells": {},
        "netnames": {},
    }
    sim = Simulation(Netlist(top, lambda name: of_liberty(tiny.cell(name))).finish())
    sim.set("a", 1)
    sim.cycle()
    assert sim.get("y").tolist() == [0, int(ALL)]


class Rom(wiring.Component):
    """A table that is only read, and a memory of which one lane's word may be another's."""

    at: In(3)  # type: ignore[valid-type]
    put: In(1)  # type: ignore[valid-type]
    x: In(4)  # type: ignore[valid-type]
    table: Out(4)  # type: ignore[valid-type]
    kept: Out(4)  # type: ignore[valid-type]

    WORDS = (9, 4, 15, 0, 6, 1, 12)

    def elaborate(self, platform):
        m = Module()
        m.submodules.rom = rom = memory.Memory(shape=4, depth=7, init=self.WORDS)
        m.submodules.ram = ram = memory.Memory(shape=4, depth=8, init=[])
        read, kept, write = rom.read_port(), ram.read_port(domain="comb"), ram.write_port()
        m.d.comb += [read.addr.eq(self.at), self.table.eq(read.data)]
        m.d.comb += [kept.addr.eq(self.at), self.kept.eq(kept.data)]
        m.d.comb += [write.addr.eq(self.at), write.data.eq(self.x), write.en.eq(self.put)]
        return m


def test_memories(tiny):
    """Each lane has an address and a word of its own; what they read and write is told."""
    text = to_rtlil(Flat(Rom()), "top")
    path = to_liberty(text, "rom", tiny)
    net = Netlist(read(path), lambda kind: of_liberty(tiny.cell(kind))).finish()
    assert sorted((m.depth, m.width) for m in net.memories) == [(7, 4), (8, 4)]
    sim, rng = Simulation(net), np.random.default_rng(1)
    table = np.array([*Rom.WORDS, 0])
    held, known = np.zeros((LANES, 8), np.int64), np.zeros((LANES, 8), bool)
    lanes, before, writes = np.arange(LANES), None, 0
    for t in range(60):
        # In every third cycle all lanes have the same address.
        at = rng.integers(0, 8, LANES if t % 3 else 1) * np.ones(LANES, np.int64)
        put, x = rng.integers(0, 2, LANES), rng.integers(0, 16, LANES)
        for port, values, width in (("at", at, 3), ("put", put, 1), ("x", x, 4)):
            sim.set(port, pack(bits(values[:, None], width)))
        sim.cycle()
        seen = {p: unpack(sim.get(p)) @ (1 << np.arange(4)) for p in ("table", "kept")}
        if before is not None:
            assert np.array_equal(seen["table"], table[before])
        sure = known[lanes, at]
        assert np.array_equal(seen["kept"][sure], held[lanes, at][sure])
        held[lanes[put == 1], at[put == 1]] = x[put == 1]
        known[lanes, at] |= put == 1
        before, writes = at, writes + int(put.sum())
    (ram,) = [m for m in net.memories if m.depth == 8]
    assert [sim.accesses[p] for p in ram.ports if net.ports[p, 7]] == [writes]


SMALL = {
    "ws": Config("power-ws", ArrayConfig(rows=2, cols=2)),
    "os": Config("power-os", ArrayConfig(flow="os", rows=2, cols=2, dot=2, zero_points=False)),
    "cim": Config("power-cim", CimConfig(4, 2, 4, "int4", banks=2, skip=True)),
    "cim8": Config("power-cim8", CimConfig(5, 1, 8, banks=3)),
}
CASES = [
    *[("ws", unit, w) for unit in ("mac", "dot", "pe", "array") for w in ("held", "digits")],
    *[("os", unit, w) for unit in ("dot", "pe", "array") for w in ("random", "digits")],
    *[("cim", unit, w) for unit in ("column", "tile") for w in ("random", "held-sparse")],
    *[("cim8", unit, "digits") for unit in ("column", "tile")],
]


@pytest.mark.parametrize(("name", "unit", "workload"), CASES)
def test_units_are_exact(name, unit, workload):
    """Units in cells of the tiny library compute what the golden model does, in all lanes."""
    result = report.of_library(SMALL[name], unit, workload, [TINY])
    assert result["outputs_checked"] >= LANES
    assert result["kind"] == "measured-activity"
    assert result["static_w"] > 0
    assert result["pj_per_mac"] > 0
    parts = result["by_block"].values()
    for key, whole in (("internal_w", "internal_w"), ("leakage_w", "static_w")):
        assert sum(part[key] for part in parts) / result[whole] == pytest.approx(1)
    memories = {memory["block"] for memory in result["memories"]}
    assert ("memories" in result["left_out"]) == bool(memories)


FORMATS = {
    "w4": Config("power-w4", ArrayConfig(rows=2, cols=2, b_format="int4")),
    "unsigned": Config("power-u", ArrayConfig(rows=2, cols=2, a_format="uint8", b_format="uint4",
                                              zero_points=False, psum_bits=25)),
    "mixed": Config("power-m", ArrayConfig(flow="os", rows=2, cols=2, a_format="int4",
                                           b_format="uint8", zero_points=False)),
    "narrow": Config("power-n", ArrayConfig(rows=2, cols=2, a_format="uint1", b_format="int2",
                                            zero_points=False)),
    "tile": Config("power-t", CimConfig(4, 2, 4, "uint4", banks=2)),
    "e4m3": Config("power-e4m3", ArrayConfig(flow="os", rows=2, cols=2, a_format="e4m3",
                                             b_format="e4m3", zero_points=False, acc_bits=54)),
    "fp8": Config("power-fp8", ArrayConfig(rows=2, cols=2, a_format="e4m3", b_format="e5m2",
                                           zero_points=False, psum_bits=54, acc_bits=68)),
    "fp16": Config("power-fp16", ArrayConfig(flow="os", rows=2, cols=2, a_format="fp16",
                                             b_format="fp16", zero_points=False, acc_bits=98)),
    "fp4": Config("power-fp4", ArrayConfig(rows=2, cols=2, a_format="e2m1", b_format="e2m1",
                                           zero_points=False)),
}  # fmt: skip
OTHERS = [(name, "array") for name in ("w4", "unsigned", "mixed", "narrow")]
OTHERS += [("unsigned", "pe"), ("mixed", "dot"), ("tile", "tile"), ("tile", "column")]
OTHERS += [("e4m3", "pe"), ("fp8", "array"), ("fp16", "dot"), ("fp4", "pe")]


@pytest.mark.parametrize(("name", "unit"), OTHERS)
def test_operands_of_other_formats(name, unit):
    """They are of the formats, unsigned ones too, and results are exact."""
    result = report.of_library(FORMATS[name], unit, "random", [TINY])
    assert result["outputs_checked"] >= LANES
    assert result["pj_per_mac"] > 0


def test_wrong_results_are_found():
    """With a NAND that is a NOR in the simulation but not for Yosys nothing is exact."""
    config = SMALL["ws"]
    right = report.of_library(config, "pe", "held", [TINY])
    text = TINY.read_text(encoding="utf-8")
    assert text.count('"(A B)\'"') == 1
    bad = Library([TINY])
    file = bad.files[0].source
    file.text = file.text.replace('"(A B)\'"', '"A ^ B"  ')
    net = Netlist(read(mapped(config, "pe")), lambda kind: of_liberty(bad.cell(kind))).finish()
    assert right["outputs_checked"]
    with pytest.raises(WrongResult, match="psum_o"):
        DRIVEN["pe"].run(config, "held", Simulation(net))


def mapped(config: Config, unit: str, paths: Sequence[Path] = (TINY,)) -> Path:
    """Netlist of a unit in cells of a library."""
    text = to_rtlil(unit_of(unit, config.retarget("generic")), "top")
    return to_liberty(text, f"{config.name}-{unit}", Library(paths))


@pytest.mark.parametrize(("spoilt", "name"), [("net.json", "rom"), ("*.lib", "rom again")])
def test_truncated_netlist(spoilt, name, tiny, tmp_path, monkeypatch):
    """What is cut in the cache is made again: a netlist, and a library that Yosys reads."""
    monkeypatch.setattr(mapping, "CACHE", tmp_path)
    text = to_rtlil(Flat(Rom()), "top")
    whole = to_liberty(text, "rom", tiny).read_bytes()
    (path,) = tmp_path.rglob(spoilt)
    path.write_bytes(path.read_bytes()[:300])
    assert to_liberty(text, name, tiny).read_bytes() == whole


def test_less_activity_is_less_energy():
    """Zeros, then sparse, held and random operands; clocks and leakage are all that zeros cost."""
    found = {w: report.of_library(SMALL["ws"], "mac", w, [TINY])["pj_per_cycle"] for w in WORKLOADS}
    order = [found[w] for w in ("zeros", "held-sparse", "held", "random")]
    assert all(a < b for a, b in pairwise(order))
    # 48 registers of which none changes: 7 fJ up, 6 fJ down.
    assert found["zeros"] == pytest.approx(48 * 13e-3)


def test_refusals(tiny):
    latch = replace(tiny.cell("DFF"), refused="is a latch or a clock gate")
    with pytest.raises(UserError, match=r"LIBERTY: tiny.lib:\d+: DFF: is a latch"):
        of_liberty(latch)
    with pytest.raises(UserError, match="no model of cell"):
        generic("$_DLATCH_P_")
    with pytest.raises(UserError, match="must have no combinational loop"):
        netlist(tiny, {"y": ("output", [3])}, [("INV", {"A": 3, "Y": 3})])
    ports = {"c": ("input", [2, 3])}
    two = [("DFF", {"CLK": clk, "D": 4, "Q": 5 + clk}) for clk in (2, 3)]
    with pytest.raises(UserError, match="must have one clock, not 2"):
        netlist(tiny, ports, two)
