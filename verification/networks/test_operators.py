"""Single operators, drawn at random, against onnxruntime."""

import random

import numpy as np
import onnx
import pytest

from insitu.machine import Machine
from insitu.program.networks import Network
from insitu.program.networks.graph import read

from .generate import OPERATORS, draw


def _run(op: str, seed: int, machine: Machine, tmp_path) -> bool:
    """Whether the node ran on the machine; its output is onnxruntime's."""
    model, inputs = draw(op, random.Random(f"{op} {seed}"))
    path = tmp_path / f"{op}.onnx"
    onnx.save(model, path)
    network = Network(read(path), machine)
    done = network.run(inputs, check=True)
    assert done.exact, (op, seed, done.rows)
    (output,) = done.outputs.values()
    assert output.size
    return any(row.where == "machine" and row.different == 0 for row in done.rows)


def _sweep(op: str, seeds: range, on: str, tmp_path, least: float) -> None:
    with Machine("ws-tiny", on) as machine:
        ran = [_run(op, seed, machine, tmp_path) for seed in seeds]
    assert np.mean(ran) >= least, f"{sum(ran)} of {len(ran)} on the machine"


@pytest.mark.parametrize("op", OPERATORS)
def test_equal_to_onnxruntime(op, tmp_path):
    _sweep(op, range(90), "golden", tmp_path, 1.0)


@pytest.mark.nightly
@pytest.mark.parametrize("op", OPERATORS)
def test_many_equal_to_onnxruntime(op, tmp_path):
    _sweep(op, range(1000, 1350), "golden", tmp_path, 1.0)


@pytest.mark.parametrize("op", OPERATORS)
def test_on_rtl(op, tmp_path):
    _sweep(op, range(2), "rtl", tmp_path, 1.0)


@pytest.mark.nightly
@pytest.mark.parametrize("op", OPERATORS)
def test_many_on_rtl(op, tmp_path):
    _sweep(op, range(2000, 2020), "rtl", tmp_path, 1.0)


@pytest.mark.parametrize("config", ["os-tiny", "cim-tiny", "inbank-tiny", "simd-tiny"])
def test_on_other_machines(config, tmp_path):
    """Zero points of A are folded into the bias where a machine has none; what it cannot compute
    runs on the host, and is right as well."""
    with Machine(config, "golden") as machine:
        ran = [_run(op, seed, machine, tmp_path) for op in OPERATORS for seed in range(8)]
    assert any(ran)
