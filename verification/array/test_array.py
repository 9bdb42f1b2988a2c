"""Launches the array's cocotb tests: every value by day, pairs and products by night."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest

from insitu.hdl.config import ArrayConfig, UserError, load
from insitu.hdl.support.imports import sources
from insitu.verification import simulators
from insitu.verification.bench import covers
from insitu.verification.bench.designs import arrays_verilog
from insitu.verification.bench.passed import Record
from insitu.verification.bench.replay import ArrayRunner

needs_icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="Icarus is not installed (apt-get install iverilog)"
)
SIMS = ["verilator", pytest.param("icarus", marks=needs_icarus)]


BENCH = "insitu.verification.array.tb_array"


def check(sim: str, arrays: list[ArrayConfig], path, *, seed: int = 1, resumes: bool = False):
    """Build ``arrays`` as one design and run every test on each.

    With ``resumes`` the test is skipped if it passed before and nothing has changed since.
    """
    text = arrays_verilog(arrays)
    fields = json.dumps([asdict(array) for array in arrays])
    env = {"INSITU_ARRAYS": fields, "INSITU_SEED": str(seed)}
    key = simulators.design_key(sim, "arrays", text)
    record = Record([key, json.dumps(env, sort_keys=True)], sources(BENCH))
    if resumes:
        record.skip_if_passed()
    build = simulators.build(sim, "arrays", text, fast=False)
    simulators.run(build, BENCH, cwd=path, env=env, seed=seed)
    record.passed()
    return build, env


def groups(arrays: list[ArrayConfig], cost: int) -> list:
    """Bundles as pytest parameters, named after their first array and their number."""
    return [_named(bundle) for bundle in covers.bundles(arrays, cost)]


def _named(bundle: list[ArrayConfig], *marks: pytest.MarkDecorator):
    return pytest.param(bundle, id=f"{covers.label(bundle[0])}+{len(bundle) - 1}", marks=marks)


def values() -> list:
    """Bundles with every value of every parameter: the smallest by day, the others at night."""
    bundles = sorted(covers.bundles(covers.cover(1), 500), key=len)
    return [_named(bundles[0]), *(_named(one, pytest.mark.nightly) for one in bundles[1:])]


def check_full(arrays: list[ArrayConfig], path):
    """The same, and fill the output queues of ``arrays`` to the brim as well."""
    build, env = check("verilator", arrays, path)
    simulators.run(build, "insitu.verification.array.tb_array_full", cwd=path / "full", env=env)


@pytest.mark.parametrize("arrays", values())
def test_every_value(arrays, tmp_path):
    """Every size, dot, dataflow, multiplier, format in some array."""
    check_full(arrays, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("arrays", groups(covers.cover(2), 500))
def test_pairwise(arrays, tmp_path):
    """Every pair of values of two parameters in some array."""
    check_full(arrays, tmp_path)


@pytest.mark.parametrize(
    ("flow", "sim"),
    [
        ("os", "verilator"),
        pytest.param("ws", "icarus", marks=needs_icarus),
        pytest.param("ws", "verilator", marks=pytest.mark.nightly),
        pytest.param("os", "icarus", marks=[needs_icarus, pytest.mark.nightly]),
    ],
)
def test_both_simulators(flow, sim, tmp_path):
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


def test_narrow_formats(tmp_path):
    """Operands of one and two bits, as the tile's comparison has them."""
    widths = [("int8", "uint1"), ("int4", "uint2"), ("uint2", "int8"), ("int2", "int2")]
    arrays = [
        ArrayConfig(
            flow, 3, 2, 2, a, b, zero_points=False, target="ecp5" if flow == "ws" else "generic",
            multiplier="lut",
        )
        for flow in ("ws", "os")
        for a, b in widths
    ]  # fmt: skip
    check("verilator", arrays, tmp_path)


@pytest.mark.parametrize("name", ["os-4x4x4", "up5k"])
def test_named_configuration(name, tmp_path):
    """Named configurations as they are built for their device."""
    check("verilator", [load(name).array], tmp_path)


@pytest.mark.parametrize("zero_points", [True, False])
def test_largest_k(zero_points, tmp_path):
    """All operands at one end for the largest K of 32-bit accumulators; one more is refused."""
    config = ArrayConfig("os", 2, 2, 1, zero_points=zero_points)
    k = 33_025 if zero_points else 131_071
    assert config.max_k == k
    runner = ArrayRunner(config, "verilator", tmp_path)
    zero = 127 if zero_points else 0
    for a_end, b_end in ((-128, -128), (-128, 127)):
        a, b = np.full((2, k), a_end), np.full((k, 2), b_end)
        result = runner.gemm(a, b, a_zero=zero, b_zero=zero)
        exact = k * (a_end - zero) * (b_end - zero)
        assert np.array_equal(result.c, np.full((2, 2), exact))
        assert result.cycles == result.model_cycles
    with pytest.raises(UserError, match=rf"^K must be from 1 to {k} "):
        runner.gemm(np.zeros((2, k + 1), int), np.zeros((k + 1, 2), int))


@pytest.mark.nightly
@pytest.mark.parametrize("arrays", groups(covers.size_product(), 600))
def test_size_product(arrays, tmp_path):
    check("verilator", arrays, tmp_path, seed=3, resumes=True)


@pytest.mark.nightly
@pytest.mark.parametrize("arrays", groups(covers.format_product(), 600))
def test_format_product(arrays, tmp_path):
    check("verilator", arrays, tmp_path, seed=4, resumes=True)
