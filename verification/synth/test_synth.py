"""Export and the flow to a netlist, on every device, with units small enough for every day."""

import json
import re
import subprocess
import sys

import pytest

from insitu.hdl.config import load
from insitu.hdl.export import to_rtlil
from insitu.synth import report as synth_report
from insitu.synth.devices import DEVICES, device
from insitu.synth.flow import CELLS, Routed, Synthesised, synthesise
from insitu.synth.report import critical_path, make_report
from insitu.synth.units import ARRAY_UNITS, MACHINE_UNITS, NEAR_UNITS, unit
from insitu.verification.bench.passed import at_night
from insitu.verification.jobs.compare.tables import fabric
from insitu.verification.simulators import ROOT


@pytest.mark.parametrize(
    ("name", "part"),
    [("ws-8x8", "array"), ("os-4x4x4", "array"), ("up5k", "array"), ("ws-tiny", "machine")],
)
def test_names_are_plain(name, part):
    """No name of a wire or module has brackets: mappers take them for bits of another wire."""
    text = to_rtlil(unit(part, load(name)), "top")
    names = re.findall(r"\\\S+", text)
    assert names
    assert not [n for n in names if "[" in n]


SIZED_BY = ["ws-8x8", "os-4x4x4", "up5k"]


@pytest.mark.parametrize(
    ("config", "name"),
    [(config, name) for config in SIZED_BY for name in ARRAY_UNITS]
    + [(config, name) for config in ("ws-tiny", "os-tiny") for name in MACHINE_UNITS]
    + [(config, name) for config in ("mesh-tiny", "inbank-tiny") for name in NEAR_UNITS],
)
def test_units_export(config, name):
    """Every unit can be built alone, sized by any configuration that has it."""
    assert "module \\top" in to_rtlil(unit(name, load(config)), "top")


def test_lane_of_the_requantiser():
    """What docs/numerics.md says it takes with both rules of rounding, and the most it may."""
    cells = synthesise(load("ws-8x8"), "requantise", device("ecp5-85f")).cells
    assert cells["lut4"] <= 500
    assert cells["dsp"] == 4
    page = (ROOT / "docs" / "numerics.md").read_text(encoding="utf-8")
    assert f"{cells['lut4']} LUT4 a lane" in page


@pytest.mark.parametrize("name", at_night(["ecp5-25f", "up5k", "hx8k"], 2))
def test_flow(name):
    """One small unit through Yosys and nextpnr, three seeds; the report has what others read."""
    words = ["--config", "up5k", "--unit", "skid", "--device", name]
    line = [sys.executable, "-m", "insitu", "synth", *words]
    done = subprocess.run(
        line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    assert done.returncode == 0, done.stderr
    path = ROOT / "build" / "synth" / "up5k" / f"{name}-skid" / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["device"] == DEVICES[name].part
    assert report["lut4"] > 0
    assert report["ff"] > 0
    assert set(report["fmax_mhz"]["per_seed"]) == {"1", "2", "3"}
    assert report["fmax_mhz"]["worst"] == min(report["fmax_mhz"]["per_seed"].values())
    assert report["critical_path"].count("ns") >= 2


def test_critical_path_in_words():
    def step(kind, delay, start, end, port, x):
        places = {"loc": [x, 3]}, {"loc": [x + 4, 5]}
        return {
            "type": kind,
            "delay": delay,
            "from": {"cell": start, "port": port, **places[0]},
            "to": {"cell": end, "port": "D", **places[1]},
        }

    path = [
        step("clk-to-q", 0.5, "core.a_TRELLIS_FF_Q", "core.a_TRELLIS_FF_Q", "Q", 1),
        step("routing", 1.5, "core.a_TRELLIS_FF_Q", "core.sum_CCU2C_S0", "Q", 1),
        step("logic", 0.4, "core.sum_CCU2C_S0", "core.sum_CCU2C_S0", "FCI", 1),
        step("routing", 0.6, "core.sum_CCU2C_S0", "core.b_TRELLIS_FF_Q_3", "F", 1),
    ]
    assert critical_path(path) == (
        "a to b: 0.90 ns logic through 1 cells (1 of a carry chain), 2.10 ns wire; "
        "longest wire a, 1.50 ns over 4 × 2 tiles"
    )
    assert critical_path([]) == "no path from a register to a register"


def test_history_keeps_a_clock_of_the_same_design(tmp_path, monkeypatch):
    """Mapping alone has no clock; it replaces a line with one if the design is another."""
    monkeypatch.setattr(synth_report, "HISTORY", tmp_path / "history.csv")
    config, target = load("ws-tiny"), device("ecp5-85f")

    def recorded(design_hash: str, *clocks: float) -> dict[str, str]:
        design = Synthesised("machine", tmp_path, design_hash, dict.fromkeys(CELLS, 5))
        routed = [Routed(seed, clock, []) for seed, clock in enumerate(clocks)]
        synth_report.record(make_report(config, "machine", target, design, routed), target)
        (row,) = synth_report.history("machine")
        return row

    assert recorded("a")["fmax_worst"] == ""
    assert recorded("a", 120.0, 110.0)["fmax_worst"] == "110.0"
    row = recorded("a")
    assert (row["fmax_worst"], row["fmax_per_seed"]) == ("110.0", "120.0 110.0")
    row = recorded("b")
    assert (row["fmax_worst"], row["design_hash"]) == ("", "b")
    done = {"macs": 100, "cycles": 10, "bus_bits": 640}
    assert fabric(row, 64, done) == [5, 5, 5, 5, "not routed", "–", "–", "–"]
    row = recorded("b", 100.0)
    assert fabric(row, 64, done) == [5, 5, 5, 5, 100.0, 6.4, 1.0, 6.4]
    assert fabric(None, 64, done)[0] == "not mapped"
