"""The engine of docs/examples/engine, from outside the tree, as docs/add-an-engine.md has it."""

import os
import subprocess
import sys

import pytest

from insitu.hdl.config.plugins import VARIABLE
from insitu.verification.simulators import ROOT

FOLDER = ROOT / "docs" / "examples" / "engine" / "adder_tree"
SUITE = "verification/machine/test_machine.py"


def _python(*words: str, cwd=ROOT, engines=FOLDER) -> subprocess.CompletedProcess[str]:
    env = os.environ | {VARIABLE: str(engines)}
    env.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", check=False
    )


def _suite(which: str) -> None:
    done = _python(
        "-m",
        "pytest",
        "-q",
        "-n0",
        "-p",
        "no:cacheprovider",
        "-m",
        "not nightly",
        SUITE,
        "-k",
        which,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_is_small():
    lines = [
        line
        for path in FOLDER.glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(lines) <= 250


def test_passes_the_shared_suite():
    """Bits, cycles and counters of random descriptors, and every point of coverage."""
    _suite("tree-tiny and (test_random_descriptors or test_coverage)")


@pytest.mark.nightly
def test_passes_all_of_it():
    _suite("tree-tiny")


@pytest.mark.nightly
def test_is_compared(tmp_path):
    words = "compare --machines tree-8x8,ws-8x8 --cases cube-16 --networks none --peaks none"
    done = _python("-m", "insitu", *words.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "│ tree-8x8 │" in done.stdout
    assert "adder trees: weights that stay" in next(tmp_path.rglob("index.html")).read_text(
        encoding="utf-8"
    )


def test_is_a_rung_of_the_ladder():
    code = "from insitu.verification.jobs.compare.tables import machines\n"
    code += "print([m.config for m, config in machines().items() if config][-1])"
    assert _python("-c", code).stdout == "tree-8x8\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere", "must be folders with a file __init__.py, not "),
        ("1st", "must be folders whose names are Python identifiers of no other package, not "),
        ("json", "must be folders whose names are Python identifiers of no other package, not "),
        ("bad_engine", "bad_engine cannot be imported: division by zero"),
        ("taken_engine", "taken_engine cannot be imported: array: must not be taken, ArrayConfig"),
    ],
)
def test_refuses_in_one_line(given, message, tmp_path):
    code = {"bad_engine": "1 / 0\n", "taken_engine": TAKEN}.get(given, "")
    if given != "nowhere":
        (tmp_path / given).mkdir()
        (tmp_path / given / "__init__.py").write_text(code, encoding="utf-8")
    done = _python("-m", "insitu", "verilog", "--config", "ws-tiny", "--out", str(tmp_path / "v"),
                   engines=tmp_path / given)  # fmt: skip
    assert done.returncode != 0
    assert done.stderr.startswith("error: INSITU_ENGINES: "), done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


TAKEN = """
from dataclasses import dataclass
from insitu.hdl.config import ArrayConfig, register_core

@register_core
@dataclass(frozen=True)
class Own(ArrayConfig):
    pass
"""
