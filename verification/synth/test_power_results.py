"""Energy: published currents, results that are kept, the command line, OpenSTA beside ours."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from insitu.cli import run
from insitu.hdl.config import CONFIG_DIR, ArrayConfig, Config, UserError, load
from insitu.hdl.export import Flat, to_rtlil
from insitu.program.descriptor import Descriptor
from insitu.sim_models.compact import counts
from insitu.synth.devices import DEVICES
from insitu.synth.power import boards, fpga, report, results
from insitu.synth.power import measure as power_job
from insitu.synth.power.drive import reset
from insitu.synth.power.energy import loads
from insitu.synth.power.fabric import Fabric, to_fabric
from insitu.synth.power.liberty import Library
from insitu.synth.power.netlist import Netlist, read
from insitu.synth.power.simulate import LANES, Simulation
from insitu.verification.bench.command import status
from insitu.verification.simulators import ROOT
from insitu.verification.synth.test_liberty import of
from insitu.verification.synth.test_power import SMALL, TINY, mapped

# --- FPGAs ---


def test_ice40_reproduces_published_currents():
    """Those it was fitted to, and those held out: a larger counter, and a faster clock."""
    known = fpga.coefficients(DEVICES["up5k"])
    held_out = [point for point in fpga.points() if not point.is_fitted]
    assert {point.hertz for point in held_out} == {12e6, 48e6}
    for point in fpga.points():
        watts = known.power(point.use, point.hertz, oscillator=point.oscillator)
        off = watts / (point.amperes * fpga.VOLTS)
        assert 1 / fpga.RANGE < off < fpga.RANGE
        assert off == pytest.approx(1, abs=0.01 if point.is_fitted else 0.03)


def test_ice40_coefficients():
    """Near those of an earlier fit of the same currents, which counted toggles otherwise."""
    known = fpga.coefficients(DEVICES["up5k"])
    assert known.static / 1e-6 == pytest.approx(104, rel=0.02)
    assert known.clock / 1e-12 == pytest.approx(53, rel=0.05)
    assert known.register / 1e-15 == pytest.approx(14.4, rel=0.2)
    assert known.toggle / 1e-12 == pytest.approx(0.48, rel=0.4)
    assert known.multiply / 1e-12 == pytest.approx(17, rel=0.2)


@pytest.mark.parametrize("design", ["counter", "luts", "dsp"])
def test_published_designs_built_anew(design):
    """What the table says of them is what their netlists do."""
    text = to_rtlil(Flat(fpga.Toy(design != "counter")), "top")
    options = "-dsp" if design == "dsp" else ""
    fabric = Fabric(to_fabric(text, f"toy-{design}", "toy", DEVICES["up5k"], options))
    sim = Simulation(fabric.net)
    reset(sim)
    for _ in range(1024):
        sim.cycle()
    use = Fabric.total(list(fabric.use(sim).values()))
    rows = [point.use for point in fpga.points() if point.design == design]
    assert rows
    for row in rows:
        assert use.registers == row.registers
        assert use.toggles == pytest.approx(row.toggles, rel=0.01)
        assert use.multiplies == pytest.approx(row.multiplies, abs=0.01)


@pytest.mark.parametrize("device", ["up5k", "ecp5-25f"])
def test_fpga_units_are_exact(device):
    """With DSPs and block RAM, by the models of their cells."""
    array = ArrayConfig(flow="os", rows=2, cols=1, dot=2, zero_points=False)
    config = Config("power-fpga", array).retarget(DEVICES[device].family)
    result = report.of_fpga(config, "array", "random", DEVICES[device])
    assert result["outputs_checked"] >= LANES
    assert result["kind"] == ("calibrated" if device == "up5k" else "extrapolated")
    assert result["resources"]["dsp"] == config.array.dsps
    known = fpga.coefficients(DEVICES[device])
    parts = result["by_block"].values()
    for key in ("toggles_per_cycle", "multiplies_per_cycle", "registers"):
        assert sum(part[key] for part in parts) == pytest.approx(result[key])
    dynamic = sum(part["dynamic_w"] for part in parts) + result["clock_w"]
    assert result["dynamic_w"] == pytest.approx(dynamic)
    assert result["static_w"] == known.static
    assert result["multiplies_per_cycle"] == pytest.approx(array.macs_per_cycle, rel=0.02)


@pytest.mark.nightly
def test_board_is_exact():
    """A product on a whole board's netlist, begun over its serial line; as fast as the model."""
    result = report.of_fpga(load("up5k"), "board", "random", DEVICES["up5k"])
    m, n, k = boards.SHAPE
    assert result["outputs_checked"] == LANES * m * n
    job = Descriptor(m, n, k, format="int8", column_scale=True, has_bias=True, b_transposed=True)
    counted = counts(load("up5k").compact, job, np.full(n, 2.0**-13, np.float32))
    assert result["cycles"] == counted.cycles
    assert result["macs_per_cycle"] == pytest.approx(m * n * k / counted.cycles, abs=1e-3)
    # Nearly all is the machine; nothing is done but by it while the line is silent.
    assert result["multiplies_per_cycle"] == pytest.approx(16, rel=0.05)
    assert result["by_block"]["system.machine"]["dynamic_w"] > 0.8 * result["dynamic_w"]


def test_board_refuses():
    with pytest.raises(UserError, match=r"^UNIT: must be on a board with a compact machine, not "):
        report.of_fpga(load("ws-8x8"), "board", "random", DEVICES["up5k"])


@pytest.mark.parametrize("unit", ["mac", "dot"])
def test_the_idle_device_is_no_units(unit):
    """A multiplier is not charged with a device's static power: pJ per product are dynamic alone;
    the device's figure is told apart."""
    device = DEVICES["ecp5-85f"]
    result = report.of_fpga(SMALL["ws"].retarget("ecp5"), unit, "random", device)
    rate = result["macs_per_cycle"] * result["mhz"] * 1e6
    assert result["pj_per_mac"] == pytest.approx(result["dynamic_w"] / rate * 1e12)
    assert result["gmacs_per_w"] == pytest.approx(1e3 / result["pj_per_mac"])
    assert result["static_w"] == fpga.coefficients(device).static > 10 * result["dynamic_w"]
    watts = result["static_w"] + result["dynamic_w"]
    assert result["device_gmacs_per_w"] == pytest.approx(rate / watts / 1e9)
    assert "the idle device's static_w, of figures per product" in result["left_out"]


def test_what_does_not_fit_is_refused():
    config = Config("power-large", ArrayConfig(rows=1, cols=1, dot=29))
    with pytest.raises(UserError, match=r"^DEVICE: must have 29 dsp, not the 28 of ecp5-25f$"):
        report.of_fpga(config.retarget("ecp5"), "dot", "random", DEVICES["ecp5-25f"])


def test_ecp5_is_scaled_from_ice40():
    ice40, ecp5 = (fpga.coefficients(DEVICES[name]) for name in ("up5k", "ecp5-85f"))
    assert ecp5.toggle / ice40.toggle == pytest.approx((1.1 / 1.219) ** 2)
    assert ecp5.static == pytest.approx(0.212 * 1.1)
    with pytest.raises(UserError, match="DEVICE: must be one of up5k, ecp5-85f, ecp5-25f"):
        fpga.coefficients(DEVICES["hx8k"])


# --- Results that are kept ---

# pJ per cycle of an 8 × 8-bit MAC with a 32-bit accumulator by another calculator, of which only
# the results are known: random, zeros, held, held-sparse.
REFERENCE = {
    "sky130": (7.65, 1.91, 5.98, 2.75),
    "asap7": (0.177, 0.027, 0.134, 0.048),
}


def test_reference_mac():
    """The kept results are within 15 % of it, on both libraries."""
    kept = dict(results.kept())
    for library, figures in REFERENCE.items():
        runs = {r["workload"]: r for r in kept[library]["runs"] if r["unit"] == "mac"}
        workloads = ("random", "zeros", "held", "held-sparse")
        for workload, figure in zip(workloads, figures, strict=True):
            assert runs[workload]["pj_per_cycle"] == pytest.approx(figure, rel=0.15)


def test_docs_are_the_results():
    """`make docs` would change nothing."""
    page = results.PAGE.read_text(encoding="utf-8")
    for table in results.TABLES.values():
        assert table() in page


def test_kept_results_are_complete():
    """Every unit under every workload, with the command that measured them, and keys of today."""
    kept = dict(results.kept())
    assert {"sky130", "asap7", "up5k"} <= set(kept)
    for name, result in kept.items():
        wanted = results.KEPT.get(name, results.KEPT["liberty"])
        assert len(result["runs"]) == sum(len(results.workloads(unit)) for _, unit, _ in wanted)
        assert result["command"].startswith("insitu power")
        assert result["schema"] == "insitu-power-2"


# --- Command line ---


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--device", "up5k", "--liberty", "x"], "power: must have either DEVICE or LIBERTY"),
        (["--device", "up5k", "--workload", "x"], "WORKLOAD: must be one of random, .*, not 'x'"),
        (["--device", "ecp5-85f", "--unit", "skid", "--workload", "held"],
         "WORKLOAD: must be one of random, zeros for UNIT=skid, not 'held'; mac, .* have that"),
        (["--device", "ecp5-85f", "--config", "ws-8x8-w4", "--workload", "digits"],
         "WORKLOAD: digits must have .* signed weights of 8 bits, not of -128…127 and -8…7"),
        (["--device", "up5k", "--config", "up5k", "--unit", "board", "--workload", "held"],
         "WORKLOAD: must be one of random, zeros, digits for UNIT=board, not 'held'; .*"),
        (["--device", "up5k", "--unit", "tile"], "CONFIG: must have a table .cim. .*, not ws-8x8"),
        (["--device", "up5k", "--unit", "board"], "UNIT: must be on a board with a compact .*"),
        (["--device", "up5k", "--unit", "x"], "UNIT: must be one of mac, .*board, .*, not 'x'"),
        (["--device", "up5k", "--dont-use", "a"], "DONT-USE: must be left out without LIBERTY"),
        (["--liberty", str(TINY), "--dont-use", "a;b"],
         "DONT-USE: must be names of cells or patterns, not 'a;b'"),
        (["--device", "hx8k", "--config", "up5k"], "DEVICE: must be one of up5k, .*'hx8k'"),
        (["--liberty", "none.lib"], "LIBERTY: must be a file, not none.lib"),
        (["--liberty", "README.md"], "LIBERTY: must have cells, not README.md"),
        (["--liberty", str(TINY), "--unit", "x"], "UNIT: must be one of mac, .*, not 'x'"),
        (["--liberty", str(TINY), "--unit", "skid", "--workload", "held"],
         "WORKLOAD: must be one of random, zeros for UNIT=skid, not 'held'; mac, .* have that"),
        (["--device", "up5k", "--record", "a/b"], "RECORD: must be a name of .*, not 'a/b'"),
        (["--liberty", str(TINY), "--mhz", "0"], "MHZ: must be a clock in MHz, not '0'"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(words, message, monkeypatch, capsys):
    """Before the work: nothing is mapped."""
    for step in ("to_fabric", "to_liberty"):
        monkeypatch.setattr(report, step, None)
    assert status("power", *words) == 2
    shown = capsys.readouterr().err
    assert re.fullmatch(f"error: {message}\n", shown), shown


def test_command_writes_a_report():
    words = ["--liberty", str(TINY), "--unit", "skid", "--mhz", "50"]
    line = [sys.executable, "-m", "insitu", "power", *words]
    done = subprocess.run(
        line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    assert done.returncode == 0, done.stderr
    (path,) = re.findall(r"^report: (.*)$", done.stdout, re.MULTILINE)
    assert re.search(r"/power/ws-8x8/tiny-[0-9a-f]{8}-skid-random-mhz50/report\.json$", path)
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    assert found["schema"] == "insitu-power-2"
    assert "seed" not in found  # no option decides it
    assert found["mhz"] == 50
    assert found["library"] == "tiny"
    assert found["pj_per_mac"] is None
    assert found["dynamic_w"] == pytest.approx(found["pj_per_cycle"] * 50e-6)


@pytest.fixture
def place_of(tmp_path, monkeypatch):
    """Folder of the report of a command line, for which nothing is mapped."""
    monkeypatch.setattr(power_job, "BUILD", tmp_path / "build")
    monkeypatch.setattr(power_job, "_show", lambda result: None)
    for name in ("of_library", "of_fpga"):
        monkeypatch.setattr(power_job, name, lambda config, *_: {"config": config.name})

    def place(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["insitu", "power", *words])
        before = set(tmp_path.rglob("report.json"))
        assert run(["power", *words]) == 0
        (path,) = set(tmp_path.rglob("report.json")) - before or before
        return str(path.parent.relative_to(tmp_path / "build" / "power"))

    return place


def test_reports_have_places_of_their_own(place_of, tmp_path):
    """Whatever differs: files of one name, libraries of one name, options that are not as usual."""
    assert place_of("--mhz", "100") == "ws-8x8/ecp5-85f-array-random"
    text = (CONFIG_DIR / "ws-tiny.toml").read_text(encoding="utf-8")
    cells = TINY.read_text(encoding="utf-8")
    options = [["--mhz", "100.5"], ["--mhz", "24"], ["--device", "ecp5-25f"]]
    for n in (3, 5):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "x.toml").write_text(f"{text}queue = {n}\n", encoding="utf-8")
        (folder / "x.lib").write_text(f"{cells}/* {n} */\n", encoding="utf-8")
        library = ["--liberty", str(folder / "x.lib")]
        options += [["--config", str(folder / "x.toml")], library, [*library, "--mhz", "24"]]
        options += [[*library, "--dont-use", *unused] for unused in (["A*"], ["A?"], ["A*", "B"])]
    found = [place_of(*words) for words in options]
    assert len(set(found)) == len(options)
    assert [re.sub("[0-9a-f]{8}", "#", place) for place in found[:6]] == [
        "ws-8x8/ecp5-85f-array-random-mhz100.5",
        "ws-8x8/ecp5-85f-array-random-mhz24",
        "ws-8x8/ecp5-25f-array-random",
        "x-#/ecp5-85f-array-random",
        "ws-8x8/tiny-#-array-random",
        "ws-8x8/tiny-#-array-random-mhz24",
    ]


def test_same_run_has_the_same_place(place_of, tmp_path):
    """However it is asked for: the clock that is usual, files and cells in another order."""
    parts = [tmp_path / "a.lib", tmp_path / "b.lib"]
    parts[0].write_text(of("INV", "DFF"), encoding="utf-8")
    parts[1].write_text(of("BUF", "NAND2").replace("(tiny)", "(gates)"), encoding="utf-8")
    a, b = map(str, parts)
    first = place_of("--liberty", a, b, "--dont-use", "A", "B")
    assert place_of("--liberty", b, a, "--mhz", "100", "--dont-use", "B", "A") == first


def test_place_is_tried_first(place_of, tmp_path, monkeypatch):
    """Before anything is mapped, whether a cache can be written to or not."""
    monkeypatch.setattr(power_job, "of_fpga", None)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "power").touch()
    with pytest.raises(UserError, match=r"build/power/ws-8x8: must be a folder that can be writ"):
        place_of()


@pytest.mark.parametrize(
    "words", [["--unit", "../x"], ["--workload", "x"], ["--liberty", "README.md"]]
)
def test_mistakes_leave_no_folder(words, place_of, tmp_path):
    with pytest.raises(UserError, match=f"^{words[0].lstrip('-').upper()}: must "):
        place_of(*words)
    assert list(tmp_path.iterdir()) == []


def test_place_of_a_record_is_tried_first(place_of, tmp_path, monkeypatch):
    monkeypatch.setattr(power_job, "of_fpga", None)
    (tmp_path / "results").touch()
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    with pytest.raises(UserError, match=r"/results: must be a folder that can be written to"):
        place_of("--record", "x")


# --- OpenSTA ---


def verilog(net: Netlist) -> str:
    """Gates of ``net`` as OpenSTA reads them: one bit per wire."""

    def name(wire: int) -> str:
        return f"1'b{wire}" if wire < 2 else f"n{wire}"

    ports = sorted({int(wire) for nets in net.inputs.values() for wire in nets})
    cells = []
    for number, k in enumerate(net.kind):
        kind = net.kinds[k]
        if kind.cell:
            pins = [*kind.inputs, *kind.output_pins]
            wires = net.nets[net.pins[number] :]
            shown = ", ".join(f".{p}({name(int(w))})" for p, w in zip(pins, wires, strict=False))
            cells.append(f"{kind.name} u{number} ({shown});")
    inside = sorted(set(net.nets.tolist()) - set(ports) - {0, 1})
    lines = [f"module top ({', '.join(map(name, ports))});"]
    lines += [f"input {name(wire)};" for wire in ports]
    lines += [f"wire {name(wire)};" for wire in inside]
    return "\n".join([*lines, *cells, "endmodule", ""])


@pytest.mark.nightly
def test_switching_equals_opensta(tmp_path):
    """On one netlist, every net changing with equal probability; asked within 3 %, met exactly.

    In cells of the tiny library, or of the files in ``LIBERTY`` (without ``default_wire_load``,
    which OpenSTA would apply).
    """
    sta = shutil.which("sta") or shutil.which("opensta")
    if sta is None:
        pytest.skip("OpenSTA is not here (`apt-get install opensta`)")
    paths = [Path(x).resolve() for x in os.environ.get("LIBERTY", str(TINY)).split()]
    library = Library(paths)
    config = SMALL["ws"]
    file = mapped(config, "pe", paths)
    net = Netlist(read(file), lambda kind: report.kind_in(library, kind)).finish()
    activity, period = 0.2, 10e-9
    driven = np.zeros(net.count, bool)
    for number, k in enumerate(net.kind):
        kind = net.kinds[k]
        first = net.pins[number] + len(kind.inputs)
        driven[net.nets[first : first + len(kind.output_pins)]] = True
    ours = 0.5 * library.voltage**2 * loads(net)[driven].sum() * activity / period
    (tmp_path / "net.v").write_text(verilog(net), encoding="utf-8")
    unit = library.files[0].header.second
    commands = [f"read_liberty {path}" for path in paths]
    commands += ["read_verilog net.v", "link_design top"]
    commands += [f"create_clock -name c -period {period / unit:g} n{net.clock}"]
    # What no clock reaches has no activity in OpenSTA.
    commands += ["set_input_delay 0 -clock c [all_inputs]"]
    commands += [f"set_power_activity -global -activity {activity}"]
    commands += [f"set_power_activity -input -activity {activity}", "report_power -digits 6"]
    (tmp_path / "run.tcl").write_text("\n".join([*commands, "exit", ""]), encoding="utf-8")
    done = subprocess.run(
        [sta, "-exit", "run.tcl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    assert "rror" not in done.stdout + done.stderr, done.stdout + done.stderr
    (theirs,) = re.findall(r"^Total +\S+ +(\S+)", done.stdout, re.MULTILINE)
    assert ours == pytest.approx(float(theirs), rel=1e-4)
