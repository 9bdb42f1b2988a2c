"""Launches the array's cocotb tests: pairwise cover by day, products by night, both simulators."""

import json
import shutil
from dataclasses import asdict

import pytest

from hdl.config import ArrayConfig, load

from . import covers, simulators
from .designs import arrays_verilog

needs_icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="Icarus is not installed (apt-get install iverilog)"
)
SIMS = ["verilator", pytest.param("icarus", marks=needs_icarus)]


def check(sim: str, arrays: list[ArrayConfig], path, *, seed: int = 1, tests: str | None = None):
    """Build ``arrays`` as one design and run every test on each."""
    build = simulators.build(sim, "arrays", arrays_verilog(arrays), fast=False)
    fields = json.dumps([asdict(array) for array in arrays])
    env = {"INSITU_ARRAYS": fields, "INSITU_SEED": str(seed)}
    simulators.run(build, "verification.tb_array", cwd=path, env=env, seed=seed, tests=tests)


def groups(arrays: list[ArrayConfig], cost: int) -> list:
    """Bundles as pytest parameters, named after their first array and their number."""
    return [
        pytest.param(bundle, id=f"{covers.label(bundle[0])}+{len(bundle) - 1}")
        for bundle in covers.bundles(arrays, cost)
    ]


@pytest.mark.parametrize("arrays", groups(covers.pairwise(), 500))
def test_pairwise(arrays, tmp_path):
    check("verilator", arrays, tmp_path)


@pytest.mark.parametrize("sim", SIMS)
@pytest.mark.parametrize("flow", ["ws", "os"])
def test_both_simulators(sim, flow, tmp_path):
    """Every multiplier on both simulators, with another seed."""
    sizes = [(3, 2), (2, 3), (1, 4), (4, 1), (2, 2)]
    arrays = [
        ArrayConfig(
            flow, rows, cols, 2, "int8", "int4" if target == "ecp5" else "int8",
            zero_points=target != "ice40", target=target, multiplier=multiplier,
        )
        for (rows, cols), (target, multiplier) in zip(sizes, covers.MULTIPLIERS, strict=True)
    ]  # fmt: skip
    check(sim, arrays, tmp_path, seed=2)


@pytest.mark.parametrize("name", ["os-4x4x4", "up5k"])
def test_named_configuration(name, tmp_path):
    """Named configurations as they are built for their device."""
    check("verilator", [load(name).array], tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("arrays", groups(covers.size_product(), 600))
def test_size_product(arrays, tmp_path):
    check("verilator", arrays, tmp_path, seed=3)


@pytest.mark.nightly
@pytest.mark.parametrize("arrays", groups(covers.format_product(), 600))
def test_format_product(arrays, tmp_path):
    check("verilator", arrays, tmp_path, seed=4)
