"""The package as others install it: from a wheel, away from the checkout."""

import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from insitu.hdl.support.files import BUILD
from insitu.hdl.support.imports import PACKAGES
from insitu.verification.simulators import ROOT

WORKLOAD = "layer,m,n,k,batch,repeats,b_transposed\none,8,8,8,1,1,0\n"
SCRIPT = """
import hdl, numpy as np
import insitu
from insitu.hdl.array import SystolicArray
from insitu.hdl.config import config_names, load
from insitu.host import Device
assert hdl.WHOSE == "the user's"
assert "site-packages" in insitu.__file__, insitu.__file__
assert len(config_names()) > 15
SystolicArray(load("ws-tiny").array)
a = np.arange(12).reshape(3, 4)
for place in ("golden", "rtl"):
    found = insitu.Machine("ws-tiny", on=place).matmul(a, a.T)
    assert np.array_equal(found.array, a @ a.T)
print("cycles", found.cycles)
"""


def test_packages_are_the_tree():
    """What pyproject.toml lists is all that there is: what it misses would not be in a wheel."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    listed = tools["setuptools"]["packages"]
    there = {"insitu", "insitu.configs"}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            words = path.parent.relative_to(ROOT).parts
            if words != ("program", "insitu"):
                there.add(".".join(["insitu", *words]))
    assert listed == sorted(there)


def run(*line: str | Path, cwd: Path, **env: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "INSITU_BUILD")}
    done = subprocess.run(
        list(map(str, line)), cwd=cwd, env=clean | env, capture_output=True, text=True,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """An environment with nothing but the wheel, and the packages that it needs on a path."""
    folder = tmp_path_factory.mktemp("away")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", folder]
    source = folder / "source"
    run("git", "clone", "--quiet", "--no-local", ROOT, source, cwd=folder)
    run(*pip, "wheel", *options, source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    (own,) = (folder / "env" / "lib").glob("python*/site-packages")
    names = {path.name.partition("-")[0] for path in own.iterdir()}
    assert names == {"insitu"}
    (own / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return folder / "env" / "bin"


def test_commands_and_matrices(installed, tmp_path):
    """In a folder with a package `hdl` of its user's: results go to ./build there."""
    (tmp_path / "hdl").mkdir()
    (tmp_path / "hdl" / "__init__.py").write_text('WHOSE = "the user\'s"\n', encoding="utf-8")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "cache").symlink_to(BUILD / "cache")  # built once, here or there
    (tmp_path / "own.csv").write_text(WORKLOAD, encoding="utf-8")
    said = run(installed / "insitu", "verilog", "--config", "ws-tiny", cwd=tmp_path)
    assert "gemm.v: module gemm" in said
    assert (tmp_path / "build" / "verilog" / "ws-tiny" / "gemm.v").stat().st_size > 100_000
    words = ["model", "--config", "ws-tiny", "--workload", "own.csv"]
    assert "in all" in run(installed / "insitu", *words, cwd=tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    assert run(installed / "python", "script.py", cwd=tmp_path).startswith("cycles ")
    made = {path.name for path in tmp_path.iterdir()} - {"hdl", "own.csv", "script.py"}
    assert made == {"build"}


EXTRAS = ["cocotb", "numba", "pyosys", "sklearn", "matplotlib", "serial", "amaranth_boards"]


def test_help_needs_no_extra(installed, tmp_path):
    """And what is missing for a job is one line that names the extra."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in EXTRAS:
        error = f"raise ModuleNotFoundError('No module named {name}', name='{name}')\n"
        (hidden / f"{name}.py").write_text(error, encoding="utf-8")
    text = "from insitu.cli import COMMANDS, entry\nimport sys\n" + (
        "for name in COMMANDS:\n    sys.argv = ['insitu', *name.split(), '--help']\n"
        "    try:\n        entry()\n    except SystemExit as end:\n"
        "        assert not end.code, name\n"
    )
    run(installed / "python", "-c", text, cwd=tmp_path, PYTHONPATH=str(hidden))
    done = subprocess.run(
        [str(installed / "insitu"), "model", "--config", "ws-tiny"], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(hidden)}, capture_output=True, text=True,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "error: numba: must be installed for this: `pip install 'insitu[model]'`\n"
    )
