"""Files that `make verilog` writes, as they are, in both simulators."""

import random
import shutil

import pytest

from insitu.hdl.config import config_names, load
from insitu.hdl.export import write_verilog
from insitu.hdl.verilog import modules
from insitu.verification import simulators
from insitu.verification.bench.draws import draw_all, random_sizes
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.bench.passed import at_night

QUICK = ("cim-tiny", "simd-tiny")
BY_DAY = [("ws-tiny", "ecp5"), ("ws-8x8", "generic"), *((name, "generic") for name in QUICK)]


def _written(name: str) -> list[tuple[str, str]]:
    """A configuration for its own device and for none."""
    return [(name, target) for target in dict.fromkeys(("generic", load(name).target))]


EVERY = [case for name in config_names() for case in _written(name)]
CASES = BY_DAY + [case for case in EVERY if case not in BY_DAY]


@pytest.mark.parametrize(("name", "target"), at_night(CASES, len(BY_DAY)))
def test_verilog_is_clean(name, target, tmp_path):
    """Every module is one file that no simulator has anything against.

    It is self-contained, or wants the vendor's primitives.
    """
    config = load(name, target)
    written = modules(config)
    assert written
    for top, make in written.items():
        path = tmp_path / f"{top}.v"
        write_verilog(make(), top, path)
        models = simulators.primitives(path.read_text(encoding="utf-8"))
        assert bool(models) == (target != "generic")
        for sim in ("verilator", *(["icarus"] if shutil.which("iverilog") else [])):
            simulators.lint(path, top, *models, sim=sim)


@pytest.mark.skipif(not shutil.which("iverilog"), reason="`apt-get install iverilog` runs it")
def test_verilog_runs(tmp_path):
    """The file, not the bench's own text of the machine."""
    config, rng = load("ws-tiny", "generic"), random.Random(5)
    path = tmp_path / "gemm.v"
    write_verilog(modules(config)["gemm"](), "gemm", path)
    runner = MachineRunner(config, "icarus", tmp_path / "run")
    assert runner.text in runner.whole
    runner.whole = runner.whole.replace(runner.text, path.read_text(encoding="utf-8"))
    works = draw_all(config.shell, rng, random_sizes("uniform-6", rng, 3))
    runner.run(works).check(works)
