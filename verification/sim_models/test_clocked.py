"""Runs on the reference memory with the clock of `clocked.cpp` are those that cocotb clocks."""

import random
import re
import shutil
from dataclasses import asdict

import pytest

from insitu.hdl.config import load
from insitu.verification import simulators
from insitu.verification.bench.draws import draw_all, random_sizes
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.bench.passed import at_night

NAME = "ws-8x8"  # the picture in docs/machine.md is traced on it, by cocotb


@pytest.fixture(scope="module")
def works():
    rng = random.Random(3)
    return draw_all(load(NAME, "generic").shell, rng, random_sizes("uniform-20", rng, 12))


def test_same_as_by_cocotb(works, tmp_path):
    """Every byte, cycle and counter."""
    runner = MachineRunner(load(NAME, "generic"), "verilator", tmp_path)
    found = [runner.run(works, seed=4, trace=trace) for trace in ((), ("done",))]
    found[0].check(works)
    plain, traced = (asdict(run) | {"wall_s": 0} for run in found)
    assert plain == traced
    lines = (tmp_path / "trace.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) >= found[1].cycles


def test_what_does_not_end_fails(works, tmp_path):
    runner = MachineRunner(load(NAME, "generic"), "verilator", tmp_path)
    told = r"^harness: no end in 100 cycles \(exit status 1, log: "
    with pytest.raises(simulators.SimulationError, match=told):
        runner.run(works, budget=100)
    assert "no end in 100 cycles" in (tmp_path / "sim.log").read_text(encoding="utf-8")


def test_a_broken_machine_is_seen(works, tmp_path):
    """A bit of what is stored, inverted; the reference memory's figures come through."""
    runner = MachineRunner(load(NAME, "generic"), "verilator", tmp_path)
    broken, count = re.subn(
        r"\.m_axi_wdata\(m_wdata\)", ".m_axi_wdata(inverted)", runner.whole, count=1
    )
    assert count == 1
    wire = "wire [63:0] inverted; assign m_wdata = inverted ^ 64'd1;\nreference_memory "
    broken, count = re.subn(r"^reference_memory ", wire, broken, count=1, flags=re.MULTILINE)
    assert count == 1
    runner.whole = broken
    done = runner.run(works)
    assert not all(done.exact)
    assert set(done.statuses) == {0}


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="`apt-get install iverilog` runs it")
@pytest.mark.parametrize("name", at_night(["inbank-tiny", "ws-tiny", "simd-tiny"], 1))
def test_icarus(name, tmp_path):
    """A machine on the other simulator, bits that nobody has set being unknown there."""
    config, rng = load(name, "generic"), random.Random(5)
    works = draw_all(config.shell, rng, random_sizes("uniform-6", rng, 3))
    MachineRunner(config, "icarus", tmp_path).run(works).check(works)
