"""Jobs side by side, and what they leave on disk."""

import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from insitu.hdl.config import CONFIG_DIR, UserError, load
from insitu.hdl.export import verilog as export
from insitu.hdl.export import yosys
from insitu.hdl.support import files, tools
from insitu.sim_models.timing import temporal
from insitu.synth import report as synth_report
from insitu.synth.devices import device
from insitu.verification import simulators
from insitu.verification.bench import machine_run
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.jobs import machine as core_jobs
from insitu.verification.jobs import report
from insitu.verification.simulators import ROOT


def start(*words: str, cwd: Path = ROOT, **env: str) -> subprocess.Popen:
    """A job as its user starts it."""
    line = [sys.executable, "-m", "insitu", *words]
    # Results go to where it is started, not to where these tests were.
    here = {name: value for name, value in os.environ.items() if name != "INSITU_BUILD"}
    return subprocess.Popen(
        line, cwd=cwd, env=here | env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
     encoding="utf-8", errors="replace")  # fmt: skip


def test_four_jobs_at_once():
    """Each has a report of its own, and is bit-exact."""
    words = ["gemm", "--config", "ws-tiny", "-m", "40", "-n", "40", "-k", "40"]
    options = {
        "40x40x40": ["--seed", "1"],
        "40x40x40-seed2": ["--seed", "2"],
        "40x40x40-uint8-seed2": ["--seed", "2", "--format", "uint8"],
        "40x40x40-int32": ["--format", "int32"],
    }
    jobs = {case: start(*words, *more) for case, more in options.items()}
    for case, job in jobs.items():
        said, _ = job.communicate()
        assert job.returncode == 0, said
        path = ROOT / "build" / "gemm" / "ws-tiny" / case / "report.json"
        assert f"report: {path}" in said
        found = json.loads(path.read_text(encoding="utf-8"))
        assert found["status"] == "ok"
        assert found["command"].endswith(" ".join(options[case]))
    # Nothing of a run that was under way is left.
    left = [p.name for p in path.parents[1].iterdir() if p.name.startswith(".40x40x40")]
    assert left == []


@pytest.mark.nightly
def test_same_job_at_once():
    """The last one's folder is there, whole."""
    words = ["gemm", "--config", "ws-tiny", "-m", "5", "-n", "6", "-k", "7"]
    jobs = [start(*words) for _ in range(3)]
    for job in jobs:
        said, _ = job.communicate()
        assert job.returncode == 0, said
    folder = ROOT / "build" / "gemm" / "ws-tiny" / "5x6x7"
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["bit_exact"]
    assert (folder / "saved.hex").is_file()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "case"),
        ({"images": 360, "seed": 1, "sim": "verilator", "bare": False}, "case"),
        ({"bare": True, "stall": 30, "seed": 0, "sim": "icarus"}, "case-bare-stall30-seed0-icarus"),
        ({"images": 40, "format": "uint8"}, "case-images40-uint8"),
    ],
)
def test_case(options, name):
    assert report.case_of("case", **options) == name


def test_folder_of_a_configuration(tmp_path):
    """Files of one name have folders of their own; a copy of one that is known has its folder."""
    text = (CONFIG_DIR / "ws-tiny.toml").read_text(encoding="utf-8")
    found = []
    for n, change in enumerate(["", "queue = 3\n", "queue = 5\n"]):
        path = tmp_path / str(n) / "ws-tiny.toml"
        path.parent.mkdir()
        path.write_text(text + change, encoding="utf-8")
        found.append(files.folder_of(load(path)))
    assert found == [
        "ws-tiny",
        *(f"ws-tiny-{load(tmp_path / n / 'ws-tiny.toml').hash}" for n in "12"),
    ]
    assert len(set(found)) == 3
    assert files.folder_of(load("ws-8x8", "generic")) == "ws-8x8-generic"
    # For another device it is another design, and its own.
    assert files.folder_of(load("ws-8x8").retarget("generic")) == "ws-8x8"
    assert files.folder_of(load(tmp_path / "1" / "ws-tiny.toml", "ice40")).startswith(
        "ws-tiny-ice40-"
    )


def test_folder_of_synthesis():
    config, target = load("ws-tiny"), device("ecp5-85f")
    paths = {synth_report.place(config, "array", target, mapped=m) for m in (False, True)}
    paths.add(synth_report.place(replace(config, name="x"), "array", target, mapped=False))
    assert len(paths) == 3
    assert ROOT / "build" / "synth" / "ws-tiny" / "ecp5-85f-array" in paths


def test_private_folder(tmp_path):
    """It replaces what was there; after an error too, which then names it."""
    path = tmp_path / "a" / "case"
    path.mkdir(parents=True)
    (path / "dump.fst").touch()
    with files.private_folder(path) as scratch:
        (scratch / "report.json").touch()
        assert (path / "dump.fst").is_file()
    assert [p.name for p in path.iterdir()] == ["report.json"]

    def fail(scratch: Path) -> None:
        (scratch / "sim.log").touch()
        raise UserError(f"failed (log: {scratch}/sim.log)")

    told = rf"^failed \(log: {path}/sim.log\)$"
    with pytest.raises(UserError, match=told), files.private_folder(path) as scratch:
        fail(scratch)
    assert [p.name for p in path.iterdir()] == ["sim.log"]
    with pytest.raises(KeyboardInterrupt), files.private_folder(path):
        raise KeyboardInterrupt
    assert [p.name for p in path.iterdir()] == ["sim.log"]
    assert list(path.parent.iterdir()) == [path]


def test_many_put_one_folder_in_place(tmp_path):
    path = tmp_path / "case"
    errors = []

    def one(number: int) -> None:
        try:
            for _ in range(50):
                with files.private_folder(path) as scratch:
                    for name in "ab":
                        (scratch / name).write_text(str(number), encoding="utf-8")
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(tmp_path.iterdir()) == [path]
    assert len({(path / name).read_text(encoding="utf-8") for name in "ab"}) == 1


READ_ONLY = {
    "gemm": ["gemm", "-m", "8"],
    "model": ["model"],
    "compare": ["compare", "--networks", "none"],
    "verilog": ["verilog"],
    "analog": ["analog", "--config", "cim-tiny"],
    "synth": ["synth", "--unit", "skid"],
    "power": ["power", "--unit", "skid"],
    "bitstream": ["bitstream"],
}


@pytest.fixture(scope="module")
def without_build(tmp_path_factory) -> Path:
    """A folder in which a file stands where build/ has to be."""
    folder = tmp_path_factory.mktemp("folder")
    (folder / "build").touch()
    return folder


def test_no_work_without_a_place_for_it(without_build):
    """One line at once, whatever the job."""
    jobs = {name: start(*words, cwd=without_build) for name, words in READ_ONLY.items()}
    for name, job in jobs.items():
        said, _ = job.communicate()
        assert said.startswith((f"error: {without_build}/build", "error: build/verilog")), name
        assert said.count("\n") == 1, said
        assert said.endswith(
            "must be a folder that can be written to, not one that gives 'Not a directory'\n"
        )
        assert job.returncode == 2


def test_waves_are_asked_for_before_work(tmp_path):
    compiler = tmp_path / "cxx"
    compiler.write_text(
        '#!/bin/sh\ncase "$*" in *-E*) exit 1;; esac\nexec g++ "$@"\n', encoding="utf-8"
    )
    compiler.chmod(0o755)
    job = start("gemm", "-m", "9", CXX=str(compiler), WAVES="1")
    said, _ = job.communicate()
    assert said.startswith("error: lz4.h: not found; waves from Verilator need it")
    assert said.count("\n") == 1
    assert job.returncode == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("%Error: x.v:1:5: syntax error\n    1 | modul\n%Error: Exiting due to 1 error(s)\n",
         "%Error: x.v:1:5: syntax error"),
        ("x.v:1: syntax error\nI give up.\n", "x.v:1: syntax error"),
        ("x.v:3: error: Unknown module type: y\n2 error(s) during elaboration.\n",
         "x.v:3: error: Unknown module type: y"),
        ("a.cpp:1:2: error: no y\n    1 | y\ncollect2: error: ld returned 1 exit status\n",
         "a.cpp:1:2: error: no y"),
        ("1. Executing.\nERROR: No such command: x\n", "ERROR: No such command: x"),
        ("no end in 100 cycles\n\n", "no end in 100 cycles"),
        ("", "it said nothing"),
    ],
)  # fmt: skip
def test_what_a_tool_said(text, line):
    assert tools.said(text) == line


def test_what_yosys_said():
    """With a log that is there."""
    told = r"^yosys: .*ERROR.* \(exit status \d+, log: .*\)$"
    with pytest.raises(yosys.YosysError, match=told) as found:
        export.lower("nonsense\n")
    log = Path(str(found.value).rsplit("log: ", 1)[1].rstrip(")"))
    assert "ERROR" in log.read_text(encoding="utf-8")
    shutil.rmtree(log.parent)


@pytest.mark.skipif(not shutil.which("iverilog"), reason="`apt-get install iverilog` runs it")
def test_what_a_simulator_said(tmp_path, monkeypatch):
    monkeypatch.setattr(simulators, "CACHE", tmp_path)
    with pytest.raises(simulators.SimulationError, match="^iverilog: .*Unknown module type: part "):
        simulators.build("icarus", "top", "module top(input clk);\npart x(clk);\nendmodule\n")


class _Simulated(Exception):
    pass


@pytest.mark.parametrize("outstanding", [1, 4])
def test_budget_is_the_models(outstanding, tmp_path, monkeypatch):
    """A run counts as hung by the cycles that it takes, not by its products."""

    def simulate(self, plusargs, folder, budget, *rest):
        raise _Simulated(budget)

    monkeypatch.setattr(machine_run, "machine_verilog", lambda config: "")
    monkeypatch.setattr(MachineRunner, "_build", lambda self, cocotb: None)
    monkeypatch.setattr(MachineRunner, "_simulate", simulate)
    config = load("ws-tiny", "generic")
    config = replace(config, machine=replace(config.shell, outstanding=outstanding))
    work = core_jobs._drawn(config.shell, 60000, 1, 1, format="int8", seed=1)
    with pytest.raises(_Simulated) as found:
        MachineRunner(config, "verilator", tmp_path).run([work])
    (model,) = temporal(config.shell, [work.job])
    assert 2 * model.cycles < found.value.args[0] < 3 * model.cycles
