"""The bench in C++ in docs/examples: one command, any configuration, and it notices faults."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from insitu.verification import simulators

EXAMPLES = simulators.ROOT / "docs" / "examples"
MACHINE = """
[array]
flow = "ws"
rows = 4
cols = 4
b_format = "{b_format}"
zero_points = false

[machine]
lanes = 2
a_words = 256
b_words = 256
c_words = 256
n_max = 64
bus_bits = {bus_bits}
addr_bits = {addr_bits}
"""


FAULTS = {
    "a descriptor of another K": (
        "driver.c", "d.k = job->k;", "d.k = job->k - 1;", "wrong bytes, 0 broken rules",
    ),
    "no doorbell": (
        "driver.c", "bus_write(REG(doorbell), tag);", "(void)tag;", "FAILED: no end within",
    ),
    "a memory that forgets a byte": (
        "main.cpp", "at[n] = data[n];", "at[n] = n ? data[n] : 0;", "first wrong byte at 0x8000",
    ),
    "a memory that is smaller than what is in it": (
        "main.cpp", "+ size <= bytes.size() ?", "+ size <= bytes.size() / 4 ?", "FAILED: status 5",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """The folder of the examples, alone, at a path with spaces."""
    folder = tmp_path_factory.mktemp("bench") / "my examples"
    shutil.copytree(EXAMPLES, folder)
    return folder


def bench(examples: Path, *given: str) -> subprocess.CompletedProcess[str]:
    """The bench, its products in a folder beside it."""
    return subprocess.run(
        [sys.executable, examples / "bench" / "run.py", *given],
        cwd=examples,
        env=os.environ | {"CXX": "g++ -O0 -Wall -Wextra", "INSITU_BUILD": str(examples / "build")},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def good(done: subprocess.CompletedProcess[str]) -> None:
    """Every byte right, without a warning about what is not Verilator's."""
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "every byte as expected"
    assert not re.findall(r"(?:main.cpp|driver.[ch]):\d.* warning: .*", done.stderr)


def test_bench_and_faults(examples):
    """One build; then with each fault in turn what it printed is typed again, and it fails."""
    done = bench(examples)
    good(done)
    lines = [shlex.split(x) for x in done.stdout.splitlines() if x.startswith("g++ ")]
    link, run = lines[-1], shlex.split(done.stdout.splitlines()[-3])
    folder = Path(run[0]).parent

    def made(source: Path) -> None:
        (compiling,) = (line for line in lines if str(source) in line)
        for line in (compiling, link):
            subprocess.run(line, cwd=folder, check=True)

    for file, before, after, said in FAULTS.values():
        (source,) = examples.rglob(file)
        text = source.read_text(encoding="utf-8")
        assert text.count(before) == 1
        try:
            source.write_text(text.replace(before, after), encoding="utf-8")
            made(source)
            found = subprocess.run(run, capture_output=True, text=True, encoding="utf-8")
        finally:
            source.write_text(text, encoding="utf-8")
        assert (found.returncode, said in found.stdout) == (1, True), found.stdout
        made(source)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"b_format": "int4", "bus_bits": 128, "addr_bits": 40}, id="wide"),
        pytest.param({"b_format": "uint8", "bus_bits": 32, "addr_bits": 64}, id="narrow"),
        *("cim-tiny", "inbank-tiny", "mesh-tiny", "os-tiny", "scalar", "simd-tiny"),
    ],
)
def test_configurations(config, examples):
    """Whatever the bus, the addresses and the engine."""
    if isinstance(config, dict):
        (examples / "of mine.toml").write_text(MACHINE.format(**config), encoding="utf-8")
        config = "of mine.toml"
    good(bench(examples, "--config", config, "-k", "50"))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["--config", "ws-tinny"], "error: CONFIG: must be a .toml file or one of "),
        (["--config", "up5k"], "error: CONFIG: must have a table [machine] for this, not up5k"),
        (["-m", "0"], "error: M: must be an integer from 1"),
    ],
)
def test_one_line_of_what_cannot_be(given, line, examples):
    done = bench(examples, *given)
    assert done.returncode == 2
    assert done.stderr.startswith(line)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_compiler_that_is_not_there(examples, monkeypatch):
    monkeypatch.setenv("PATH", str(examples))  # the interpreter is named by its path
    done = bench(examples)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: g++: must be installed for this"
