"""What jobs print, and keys of their reports: what each says comes from the run."""

from typing import Any

import pytest

from insitu.hdl.config import load
from insitu.synth import command as synth_job
from insitu.synth import report as synth_report
from insitu.synth.devices import device
from insitu.synth.flow import CELLS, Routed, Synthesised
from insitu.synth.power import measure as power_job
from insitu.verification import simulators
from insitu.verification.bench.command import status
from insitu.verification.jobs import analog as analog_job
from insitu.verification.jobs import array as array_jobs
from insitu.verification.jobs import report
from insitu.verification.jobs.compare import compare


@pytest.mark.parametrize("console", [report.console, synth_report.console])
def test_paths_are_printed_as_they_are(console, capsys, monkeypatch):
    """On one line, however narrow the terminal, and with brackets in them."""
    monkeypatch.setattr(console, "width", 20)
    path = "/home/some one/a [b]/[/c]/:no:/" + "d" * 30 + "/report.json"
    console.print(f"report: {path}")
    assert capsys.readouterr().out == f"report: {path}\n"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (["--config", "os-4x4x4"], "os-4x4x4 has no table [machine]: its array alone is run\n"),
        (["--config", "up5k"], "up5k has no table [machine]: its array alone is run\n"),
        (["--config", "os-8x8", "--bare"], ""),
    ],
)
def test_says_that_the_array_is_alone(config, said, capsys, monkeypatch):
    monkeypatch.setattr(array_jobs, "gemm", lambda *_, **__: 0)
    monkeypatch.setattr(simulators, "pick", lambda _: "verilator")
    assert status("gemm", *config) == 0
    assert capsys.readouterr().out == said


def test_needs_a_machine_or_an_array(capsys, monkeypatch):
    monkeypatch.setattr(simulators, "pick", lambda _: "verilator")
    assert status("gemm", "--config", "cim-64x16-plain") == 2
    words = "error: CONFIG: must have a table [machine] or [array] for this, not cim-64x16-plain\n"
    assert capsys.readouterr().err == words


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--config", "up5k"], "up5k"),
        (["--config", "ws-8x8"], "ecp5-85f"),
        (["--config", "ws-tiny"], "ecp5-85f"),
        (["--config", "up5k", "--device", "hx8k"], "hx8k"),
    ],
)
def test_device_is_the_configuration_s(words, name, monkeypatch):
    """Of `make synth` and `make power`, unless another is asked for."""
    found: list[Any] = []

    def of_synth(config: Any, unit: str, target: Any, **_: Any) -> int:
        found.append(target.name)
        return 0

    def of_power(args: Any, *_: Any) -> None:
        found.append(args.device)

    monkeypatch.setattr(synth_job, "measure", of_synth)
    monkeypatch.setattr(power_job, "measure", of_power)
    assert status("synth", *words) == 0
    assert status("power", *words) == 0
    assert found == [name, name]


def synthesised(unit: str, *clocks: float) -> dict[str, Any]:
    design = Synthesised(unit, synth_report.ROOT, "a", dict.fromkeys(CELLS, 5))
    routed = [Routed(seed, clock, []) for seed, clock in enumerate(clocks)]
    target = device("ecp5-85f")
    return synth_report.make_report(load("ws-8x8"), unit, target, design, routed)


def test_units_without_a_core_have_no_products(capsys):
    """Null rather than 0, which a PE does not do per cycle."""
    found = synthesised("pe", 100.0)
    assert found["macs_per_cycle"] is found["peak_gops"] is None
    synth_job._show(found, device("ecp5-85f"))
    assert capsys.readouterr().out.count("–") == 2
    found = synthesised("array", 100.0)
    assert (found["macs_per_cycle"], found["peak_gops"]) == (64, 12.8)


def test_what_is_mapped_only_has_seen_no_nextpnr():
    assert "nextpnr-ecp5" in synthesised("array", 100.0)["tools"]
    found = synthesised("array")
    assert set(found["tools"]) == {"amaranth", "yosys"}
    assert found["peak_gops"] is None


def test_analog_says_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(analog_job, "accuracies", lambda *_, **__: [1.0])
    analog_job.sweep(load("cim-tiny"), rows=0, count=1)
    first, *lines = capsys.readouterr().out.splitlines()
    assert "7 lines of the table" in first
    assert [line.partition(":")[0] for line in lines] == [
        f"{n} of 7, {name}" for n, name in enumerate(analog_job.NOISES, 1)
    ]


def test_design_and_seed_are_of_a_simulation():
    """A report of models has no hash of a design, nor a seed or tools that it did not take."""
    config = load("ws-tiny")
    modelled = report.header("model", config)
    assert not {"design_hash", "seed"} & modelled.keys()
    assert set(modelled["tools"]) == {"python", "numpy", "numba"}
    one, other = (report.header("sim", config, text, "icarus", 7) for text in ("a", "b"))
    assert one["design_hash"] != other["design_hash"]
    assert one["seed"] == 7
    assert {"icarus", "yosys", "amaranth", "cocotb"} < one["tools"].keys()
    given: dict[str, Any] = {"command": "", "images": 1, "sim_name": "icarus", "seed": 7}
    compared = compare.assemble({}, {}, {}, [], **given)
    assert not {"design_hash", "seed", "images"} & compared.keys()
    assert compared["config"] == []
    assert "icarus" not in compared["tools"]
