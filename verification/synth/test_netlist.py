"""Arrays and tiles after synthesis pass the tests of those before it; mutants of them do not."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib.memory import Memory

from insitu.hdl.array import SystolicArray
from insitu.hdl.cim import CimTile
from insitu.hdl.config import ArrayConfig, CimConfig
from insitu.hdl.export import to_rtlil
from insitu.synth.devices import device
from insitu.verification import simulators
from insitu.verification.bench import netlists
from insitu.verification.bench.designs import Bundle
from insitu.verification.bench.passed import at_night

ARRAY = "insitu.verification.array.tb_array,insitu.verification.array.tb_array_full"
TILE = "insitu.verification.cim.tb_cim"


class Design:
    """Several arrays, or several tiles, their RTLIL and their tests."""

    def __init__(self, configs: Sequence[ArrayConfig | CimConfig]) -> None:
        self._fields = json.dumps([asdict(config) for config in configs])
        parts = [CimTile(c) if isinstance(c, CimConfig) else SystolicArray(c) for c in configs]
        self._is_array = isinstance(parts[0], SystolicArray)
        self.top = "arrays" if self._is_array else "cims"
        self.text = to_rtlil(Bundle(parts), self.top)

    def run(self, verilog: str, path, **env: str) -> None:
        """Its tests on ``verilog``; :class:`SimulationError` if one fails."""
        build = simulators.build("verilator", self.top, verilog, fast=False)
        env[f"INSITU_{self.top.upper()}"] = self._fields
        simulators.run(build, ARRAY if self._is_array else TILE, cwd=path, env=env)


NETLISTS: dict[str, list] = {
    "ecp5-85f": [
        ArrayConfig(rows=2, cols=2, target="ecp5", multiplier="dsp"),
        ArrayConfig(flow="os", rows=3, cols=2, dot=2, target="ecp5", multiplier="dsp"),
        ArrayConfig(rows=2, cols=3, b_format="int4", target="ecp5", multiplier="dsp"),
    ],
    "up5k": [
        ArrayConfig(
            flow="os", rows=2, cols=1, dot=2, zero_points=False, target="ice40", multiplier="dsp"
        ),
        ArrayConfig(rows=2, cols=2, target="ice40", multiplier="dsp"),
    ],
    "ecp5-25f": [
        CimConfig(5, 2, 4, banks=3, target="ecp5"),
        CimConfig(4, 2, 3, "int4", banks=2, skip=True, target="ecp5"),
        CimConfig(4, 1, 2, "int16", banks=2, tree="3:2", target="ecp5"),
        CimConfig(4, 2, 2, "int4", banks=2, adc_bits=2, target="ecp5"),
    ],
    "hx8k": [ArrayConfig(rows=2, cols=2, a_format="int4", target="ice40", multiplier="lut")],
}

MUTANTS = 100
# Designs small enough to simulate a hundred times, with every kind of block in them.
MUTATED: dict[str, ArrayConfig | CimConfig] = {
    flow: ArrayConfig(
        flow=flow,
        rows=3,
        cols=2,
        dot=2,
        a_format="int4",
        b_format="int4",
        psum_bits=14,
        acc_bits=14,
    )
    for flow in ("ws", "os")
} | {
    f"cim{'-skip' * skip}": CimConfig(3, 2, 4, "int4", banks=2, skip=skip) for skip in (False, True)
}


# Of either family; arrays on the ECP5 and tiles there are other blocks.
@pytest.mark.parametrize("part", at_night(list(NETLISTS), 1))
def test_netlist(part, tmp_path):
    design = Design(NETLISTS[part])
    unit = "array" if design.top == "arrays" else "tile"
    design.run(netlists.netlist(design.text, design.top, device(part), unit), tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("name", list(MUTATED))
def test_mutants_are_killed(name, tmp_path):
    """At least 95 % of 100 seeded mutants fail a test; ``build/mutants`` names those that do not.

    Those that are shown to have no effect do not count.
    """
    design = Design([MUTATED[name]])
    text, mutations = netlists.mutated(design.text, design.top, MUTANTS, seed=1)
    assert len(mutations) == MUTANTS
    design.run(text, tmp_path / "none", INSITU_MUTANT="0")
    survivors = []
    for n, mutation in enumerate(mutations, 1):
        try:
            design.run(text, tmp_path / str(n), INSITU_MUTANT=str(n))
        except simulators.SimulationError:
            continue
        seen = netlists.has_effect(design.text, design.top, mutation)
        survivors.append(f"{n} {'lives' if seen else 'unread'}: {mutation}")
    path = simulators.ROOT / "build" / "mutants" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in survivors), encoding="utf-8")
    lives = sum(" lives: " in line for line in survivors)
    assert lives <= 0.05 * (MUTANTS - len(survivors) + lives), survivors


class Parts(Elaboratable):
    """Counter and queue of which the upper halves are not read, an OR, and a masked bit."""

    def __init__(self):
        self.i, self.o, self.any = Signal(4), Signal(2), Signal()

    def elaborate(self, platform):
        m = Module()
        count = Signal(4, name="count", reset_less=True)
        either = Signal(2, reset_less=True)
        m.submodules.rows = rows = Memory(shape=4, depth=4, init=[])
        write, read = rows.write_port(), rows.read_port()
        m.d.sync += [count.eq(count + self.i), either.eq(self.i[:2])]
        m.d.comb += [
            write.en.eq(1),
            write.addr.eq(count),
            write.data.eq(count),
            read.addr.eq(self.i),
            self.o.eq(read.data),
            self.any.eq(either != 0),
        ]
        return m


@pytest.mark.parametrize(
    ("mode", "wire", "port", "bit", "seen"),
    [
        ("inv", "count", "Q", 1, True),
        ("inv", "count", "Q", 2, False),  # goes into the memory, which is read without it
        ("const1", "either", "Q", 1, True),
        ("cnot0 -ctrlbit 0", "either", "Q", 1, True),
        ("cnot1 -ctrlbit 0", "either", "Q", 1, False),  # changes only where the other one is set
    ],
)
def test_mutants_without_effect(mode, wire, port, bit, seen):
    """What is left out of the count of mutants: shown by Yosys, and no more than that."""
    parts = Parts()
    text = rtlil.convert(parts, ports=[parts.i, parts.o, parts.any], name="top")
    cell = re.search(rf"  cell \S+ (\S+)\n(?:    .*\n)*?    connect \\Q \\{wire}\n", text)
    assert cell is not None, text
    mutation = f"-mode {mode} -module top -cell {cell[1]} -port {port} -portbit {bit}"
    assert netlists.has_effect(text, "top", mutation, whole=["none"]) is seen


class Turn(Elaboratable):
    """Two registers, one of which is high; what both say together."""

    def __init__(self):
        self.i, self.o = Signal(), Signal()

    def elaborate(self, platform):
        m = Module()
        x, y = Signal(init=1), Signal()
        with m.If(self.i):
            m.d.sync += [x.eq(y), y.eq(x)]
        m.d.comb += self.o.eq(x & ~y)
        return m


class Turning(Elaboratable):
    def __init__(self):
        self.turn = Turn()

    def elaborate(self, platform):
        m = Module()
        m.submodules.turn = self.turn
        return m


@pytest.mark.parametrize(
    ("mode", "port", "seen"),
    [
        ("const1", "B", False),  # never does one see both high
        ("const0", "B", True),
        ("const1", "A", False),
        ("inv", "A", True),
        ("const1", "Y", True),
    ],
)
def test_mutants_without_effect_from_a_reset_on(mode, port, seen):
    """In a block of which not every state is reached."""
    parts = Turning()
    text = rtlil.convert(parts, ports=[parts.turn.i, parts.turn.o], name="top")
    cell = re.search(r"  cell \$and \$(\d+)\n", text)
    assert cell is not None, text
    mutation = rf"-mode {mode} -module top -cell $flatten\turn.${cell[1]} -port {port} -portbit 0"
    assert netlists.has_effect(text, "top", mutation, whole=["none"]) is seen
