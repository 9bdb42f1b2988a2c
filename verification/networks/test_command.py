"""``insitu net`` as its user has it: on RTL, interrupted, twice at once, on a broken machine."""

import json
import os
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

import numpy as np
import pytest

from insitu.hdl.config import UserError
from insitu.hdl.support.files import BUILD
from insitu.sim_models.exact import MODELS
from insitu.sim_models.runners import Golden
from insitu.verification.bench.command import status

from .graphs import product


def test_on_rtl(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert status("net", "mnist", "--output", "out.npz") == 0
    with np.load(tmp_path / "out.npz") as file:
        (output,) = (file[name] for name in file.files)
    assert output.shape == (1, 10)
    assert output.argmax() == 2  # the digit of the sample that lies beside the model
    (found,) = BUILD.glob("net/ws-8x8/mnist-rtl/index.html")
    shown = ElementTree.fromstring(found.read_text(encoding="utf-8").partition("\n")[2])
    assert len(list(shown.iter("{http://www.w3.org/2000/svg}svg"))) == 3
    text = "".join(shown.itertext())
    for said in ("18,081 cycles", "im2col; 5 kernel rows", "few channels", "µJ, 45nm, dram"):
        assert said in text
    report = json.loads(found.with_name("report.json").read_text(encoding="utf-8"))
    assert report["cycles"] == report["model_cycles"] == 18081
    assert report["macs"] == report["macs_on_machine"] == 786_560
    memory = report["memory"]
    assert memory["in_use"] <= memory["arena"] < memory["apart"]
    assert set(report["energy"]) == {"45nm, dram", "7nm, hbm2"}


def test_plan(tmp_path, monkeypatch, capsys):
    """How each node is done, what the other way takes, why less of the array is used."""
    monkeypatch.chdir(tmp_path)
    assert status("net", "mnist", "--plan") == 0
    said = capsys.readouterr().out
    assert "(QLinearConv): im2col; 5 kernel rows, by line: at least " in said
    assert "less is used as: few channels" in said
    assert "786,560 of 786,560 products on the machine (100.0 %) in 3 descriptors" in said
    assert "18,081 cycles, 68.0 % of the array used (68.0 % with im2col in memory" in said
    assert "host, around products: im2col (2)" in said
    assert "rounding" not in said


def test_without_figures_of_energy(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def energy(*_):
        raise UserError("energy.sram: of at most 1048576 bytes, not 2097152")

    monkeypatch.setattr(MODELS, "energy", energy)
    product(tmp_path / "m.onnx")
    assert status("net", "m.onnx", "--config", "ws-tiny", "--on", "golden") == 0
    assert "energy: there are no figures for this machine\n" in capsys.readouterr().out


@pytest.mark.parametrize("bit", [1, 1 << 20])
def test_a_wrong_bit_of_the_machine(bit, tmp_path, monkeypatch, capsys):
    """One bit of one sum of one node: the exit status is not 0, and the node is named."""
    monkeypatch.chdir(tmp_path)
    right = Golden.do

    def do(self, program, content):
        done = right(self, program, content)
        if program.calls[0].name == "product":
            done.outputs["c"].flat[-1] ^= bit
        return done

    monkeypatch.setattr(Golden, "do", do)
    product(tmp_path / "m.onnx")
    words = ["net", "m.onnx", "--config", "ws-tiny", "--on", "golden"]
    assert status(*words) == 1
    said = capsys.readouterr().out
    assert "1 elements of 1 tensors differ from onnxruntime's\n" in said
    assert said.endswith("FAILED: not_bit_exact\n")
    # Nobody compares.
    assert status(*words, "--no-check") == 0


# --- Processes ---


def _started(*words: str, cwd, script: str = "") -> subprocess.Popen[str]:
    """The command in a group of its own, as a shell starts it, after ``script``."""
    line = [sys.executable, "-c", f"{script}\nfrom insitu.cli import entry\nentry()", "net", *words]
    return subprocess.Popen(
        line, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        encoding="utf-8", start_new_session=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        # A shell's background jobs, and all that they start, would ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


SLOW = """
import pathlib, time
from insitu.sim_models.runners import Golden
def do(self, program, content):
    pathlib.Path("running").touch()
    time.sleep(60)
Golden.do = do
"""


def test_interrupted(tmp_path):
    """One line, exit status 130, and no report."""
    product(tmp_path / "m.onnx")
    words = ["m.onnx", "--config", "ws-tiny", "--on", "golden", "--output", "y.npz"]
    job = _started(*words, cwd=tmp_path, script=SLOW)
    try:
        until = time.monotonic() + 60
        while not (tmp_path / "running").exists() and time.monotonic() < until:
            time.sleep(0.02)
        os.killpg(job.pid, signal.SIGINT)
        _, error = job.communicate(timeout=30)
    finally:
        job.kill()
        job.communicate()
    assert (job.returncode, error) == (130, "interrupted\n")
    assert not (tmp_path / "y.npz").exists()


def test_two_at_once(tmp_path):
    """Each has the outputs that it has alone, though they are of one model and in one folder."""
    product(tmp_path / "m.onnx")
    words = ["m.onnx", "--config", "ws-tiny", "--on", "rtl"]

    def jobs(seeds):
        found = [
            _started(*words, "--seed", str(n), "--output", f"{n}.npz", cwd=tmp_path) for n in seeds
        ]
        for job in found:
            said, error = job.communicate(timeout=300)
            assert (job.returncode, error) == (0, ""), said + error
            assert said.endswith("bit-exact\n")
        outputs = []
        for n in seeds:
            with np.load(tmp_path / f"{n}.npz") as file:
                outputs.append(file["y"])
            (tmp_path / f"{n}.npz").unlink()
        return outputs

    alone = [*jobs([1]), *jobs([2])]
    together = jobs([1, 2])
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (alone[0] != alone[1]).any()
