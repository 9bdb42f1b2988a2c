"""What users type: variables of make, options, and what a blank in a path must not break."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from insitu.hdl.export import yosys
from insitu.verification.simulators import ROOT

TAKEN = {
    "sim": ["CONFIG", "TARGET", "IMAGES", "SEED", "SIM", "WAVES"],
    "gemm": ["CONFIG", "TARGET", *"MNK", "FORMAT", "STALL", "SEED", "SIM", "WAVES"],
    "net": ["MODEL", "INPUT", "OUTPUT", "ON", "CONFIG", "TARGET", "SEED", "SIM"],
    "model": ["CONFIG", "TARGET", "WORKLOAD"],
    "analog": ["CONFIG", "TARGET"],
    "compare": ["MACHINES", "CASES", "NETWORKS", "IMAGES", "SEED", "SIM"],
    "board-sim": ["BOARD", "CONFIG", "IMAGES", "SEED", "SIM"],
    "verilog": ["CONFIG", "TARGET"],
    "synth": ["CONFIG", "TARGET", "DEVICE", "UNIT", "JOBS"],
    "bitstream": ["BOARD", "CONFIG"],
    "power": ["CONFIG", "UNIT", "DEVICE", "LIBERTY", "WORKLOAD"],
}
ODD = [
    '1" ; touch x ; "', "1'; touch x; '", "`touch x`", "$(touch x)", "$(shell touch x)",
    "$$HOME $M", "a b", "a ", "a\nb", "a#b", "\\", "%", "-x", "--", "(,)", "*", "~", "é", "",
]  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose Python writes down its arguments, SIM and WAVES, and does nothing."""
    folder = tmp_path / "a b"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.txt", "networks.txt"):
        (folder / ".ci" / name).touch()
    (folder / "pyproject.toml").touch()
    for name in ("python", "insitu"):
        program = folder / ".venv" / "bin" / name
        program.write_text(
            '#!/bin/sh\nprintf "%s\\0" "$@" "SIM=$SIM" "WAVES=$WAVES" > arguments\n',
            encoding="utf-8",
        )
        program.chmod(0o755)
    for name in (".ready", ".networks"):
        (folder / ".venv" / name).touch()
    return folder


def make(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env=clean | environment,
        encoding="utf-8",
        errors="replace",
    )


@pytest.mark.parametrize("target", TAKEN)
def test_values_reach_a_job_as_they_are(checkout, target):
    """Whatever a variable's value, from the command line or the environment: no one reads it."""
    names = TAKEN[target]
    before = set(checkout.iterdir()) | {checkout / "arguments"}
    for value in ODD:
        given = dict.fromkeys(names, value)
        for words, environment in (([f"{n}={v}" for n, v in given.items()], {}), ([], given)):
            done = make(checkout, target, *words, **environment)
            assert done.returncode == 0, done.stderr
            found = (checkout / "arguments").read_text(encoding="utf-8").split("\0")
            for name in names:
                if name in ("SIM", "WAVES"):
                    assert f"{name}={value}" in found
                elif value or words:
                    assert f"--{name.lower()}={value}" in found
            assert set(checkout.iterdir()) == before


def test_defaults_are_the_job_s(checkout):
    for target in TAKEN:
        assert make(checkout, target).returncode == 0
        assert "--" not in (checkout / "arguments").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gemm CONFG=os-8x8", "CONFG: must be left out of `make gemm`, .*; the nearest is CONFIG"),
        ("gemm m=3", "m: must be left out of `make gemm`, .*; the nearest is M"),
        ("synth M=3", "M: must be left out of `make synth`, .*UNIT"),
        ("TARGT=generic verilog", "TARGT: must be left out of .*; the nearest is TARGET"),
        ("CONFG=x", "CONFG: must be left out of `make help`, .*; the nearest is CONFIG"),
        ("lint CONFIG=x", "CONFIG: must be left out of `make lint`, which takes none"),
        ("compare CONFIG=x", "CONFIG: must be left out of `make compare`, .*MACHINES"),
        ("gemm a';touch;'=3", "must be left out of"),
        ("sim BARE=2", "BARE: must be 0 or 1, not 2"),
    ],
)
def test_unknown_variables_are_refused(checkout, given, message):
    done = make(checkout, *given.split())
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert re.search(message, line)
    assert not (checkout / "arguments").exists()


def test_make_s_own_variables_are_not(checkout):
    assert make(checkout, "gemm", "SHELL=/bin/sh", "CXX=g++ -O2", "TMPDIR=/tmp").returncode == 0


def test_yosys_among_blanks(tmp_path, monkeypatch):
    """Folder and TMPDIR with a blank: Yosys would split the names of ABC's files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t d"))
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "in.v").write_text(
        "module top(input a, b, output o); assign o = a ^ b; endmodule\n", encoding="utf-8"
    )
    yosys.run("read_verilog in.v\nsynth_ecp5 -top top -json out.json\n", cwd=folder)
    assert (folder / "out.json").stat().st_size
    assert {path.name for path in folder.iterdir()} == {"in.v", "out.json", "yosys.log"}
