"""Convolution over the image as it lies: every way to do one gives onnxruntime's bits."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from insitu.machine import Machine
from insitu.program.networks import Network
from insitu.program.networks.compiled import Compiled
from insitu.program.networks.costs import Choice, Costs
from insitu.program.networks.graph import read
from insitu.program.target import Target

from .generate import draw
from .graphs import save


def check_words(compiled: Compiled, target: Target) -> None:
    """Matrices begin at words of the bus, and so do their rows: the hardware refuses others."""
    for job in compiled.program.jobs:
        places = [job.a, job.b, job.c, job.d, job.bias, job.scales]
        strides = [getattr(job, f"{x}_{what}") for x in "abcd" for what in ("stride", "batch")]
        assert all(x % target.bus_bytes == 0 for x in (*places, *strides)), job


def _ways(monkeypatch, machine: Machine, tmp_path, op: str, seed: int) -> set[str]:
    """Names of the ways to a drawn convolution, each of which was done and is right."""
    model, inputs = draw(op, random.Random(f"lines {op} {seed}"))
    path = tmp_path / f"{op}.onnx"
    onnx.save(model, path)
    graph, done, number, count = read(path), set(), 0, 1

    def choose(self, ways):
        nonlocal count
        count = len(ways)
        way, product = ways[number]
        return Choice(way, product, product.work.way)

    with monkeypatch.context() as patch:
        patch.setattr(Costs, "choose", choose)
        while number < count:
            network = Network(graph, machine)
            found = network.run(inputs, check=True)
            assert found.exact, (op, seed, found.rows)
            check_words(network.compile(inputs), machine.runner.target)
            (row,) = found.rows
            assert row.where == "machine"
            done.add(row.way)
            number += 1
    return done


def _sweep(monkeypatch, config: str, on: str, tmp_path, seeds: range) -> set[str]:
    with Machine(config, on) as machine:
        return {
            way.lstrip("0123456789 ")
            for op in ("QLinearConv", "ConvInteger")
            for seed in seeds
            for way in _ways(monkeypatch, machine, tmp_path, op, seed)
        }


LINES = {"kernel row", "kernel rows", "kernel row, by line", "kernel rows, by line"}
TAPS = {"kernel taps", "kernel taps, by line"}


def test_every_way(monkeypatch, tmp_path):
    """Odd shapes, all paddings, strides, dilations, batches of images, channels that fill no word,
    zero points at the ends."""
    found = _sweep(monkeypatch, "ws-tiny", "golden", tmp_path, range(60))
    assert found >= LINES | TAPS | {"im2col"}


@pytest.mark.parametrize("config", ["os-tiny", "cim-tiny", "mesh-tiny", "inbank-tiny", "simd-tiny"])
def test_on_other_machines(config, monkeypatch, tmp_path):
    """Wider and narrower bus words; zero points that are folded into the bias."""
    with Machine(config, "golden") as machine:
        for seed in range(20):
            try:
                _ways(monkeypatch, machine, tmp_path, "QLinearConv", seed)
            except AssertionError as error:
                # What the machine's formats do not have runs on the host.
                if "assert 'host' == 'machine'" not in str(error):
                    raise


@pytest.mark.parametrize("rounds", [False, True])
@pytest.mark.parametrize("config", ["ws-tiny", "cim-tiny"])
def test_on_rtl(config, rounds, monkeypatch, tmp_path):
    """Overlapping rows of A, sums through memory, which the last row of the kernel rounds: bits,
    counters, and no access elsewhere."""
    path, inputs = _small(tmp_path / "small.onnx", rounds)
    for by_line in (False, True):

        def choose(self, ways, by_line=by_line):
            return next(
                Choice(n, product, product.work.way)
                for n, product in ways
                if product.work.lines and (product.work.sizes[0] > 1) == by_line
            )

        monkeypatch.setattr(Costs, "choose", choose)
        with Machine(config, "rtl") as machine:
            network = Network(read(path), machine)
            done = network.run(inputs, check=True)
        assert done.exact
        (row,) = done.rows
        (step,) = network.compile(inputs).machine_steps
        assert [job.format for job in step.jobs] == ["int32"] * 2 + ["int8" if rounds else "int32"]
        assert row.cycles == row.model_cycles or config == "cim-tiny"  # which skips planes


def _small(path: Path, rounds: bool) -> tuple[Path, dict[str, Any]]:
    """3 × 3 over two images of 5 × 6 pixels with 8 channels, padded; with 8 bits out if it
    ``rounds``."""
    rng = np.random.default_rng(1)
    w = rng.integers(-128, 127, (5, 8, 3, 3), np.int8)
    scales = rng.uniform(0.005, 0.02, 5).astype(np.float32)
    constants: dict[str, Any] = {"w": w}
    op, names = "ConvInteger", ["x", "w"]
    if rounds:
        constants |= {"s": np.float32(0.1), "z": np.int8(5), "t": scales, "y": np.float32(0.4)}
        constants |= {"none": np.zeros(5, np.int8), "bias": np.arange(5, dtype=np.int32) * 100}
        op, names = "QLinearConv", ["x", "s", "z", "w", "t", "none", "y", "z", "bias"]
    node = helper.make_node(op, names, ["out"], name="node", pads=[1] * 4)
    save(path, [node], [("x", TensorProto.INT8, [2, 8, 5, 6])], ["out"], constants)
    return path, {"x": rng.integers(-128, 127, (2, 8, 5, 6), np.int8)}
