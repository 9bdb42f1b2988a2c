"""Who rounds: the host, or the machine where it provably gives onnxruntime's bits."""

import random
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from insitu.hdl.config import load
from insitu.machine import Machine
from insitu.program.networks import Network, finish
from insitu.program.networks.graph import read
from insitu.program.networks.operators import Lowered, Output
from insitu.program.target import Target

from .generate import draw


def _work(**given) -> Lowered:
    one = {
        "sizes": (1, 4, 2, 3), "a_name": "a", "gather": None, "b": None, "b_name": "b", "a_key": 0,
        "a_kind": np.dtype("int8"), "b_kind": np.dtype("int8"), "a_zero": 0, "b_zero": 0,
        "bias": None, "arrange": None, "macs": 24,
        "output": Output(np.array([0.01], np.float32), 0, np.dtype("int8")),
    }  # fmt: skip
    return Lowered(**(one | given))


TARGET = Target.of(load("ws-8x8"))
B = np.array([[1, -128], [2, -128], [3, 127]], np.int8)


def test_a_board_from_before_does_not():
    found = finish.finish(replace(TARGET, binary32=False), _work(), B)
    assert (found.format, found.why) == ("int32", "the machine does not round in binary32")


@pytest.mark.parametrize(
    ("given", "b", "format", "why"),
    [
        ({}, B, "int8", ""),
        (
            {"output": Output(np.array([0.01, 0.02], np.float32), 0, np.dtype("uint8"))},
            B,
            "uint8",
            "",
        ),
        ({"output": None}, B, "int32", ""),
        (
            {"output": Output(np.array([np.inf], np.float32), 0, np.dtype("int8"))},
            B,
            "int32",
            "a scale is no number",
        ),
        ({}, None, "int32", "B is not constant"),
        # 6 · 127 in the first column: just within, and just beyond.
        ({"bias": np.array([(1 << 24) - 762, 0])}, B, "int8", ""),
        ({"bias": np.array([(1 << 24) - 761, 0])}, B, "int32", "a sum could be more than 2^24"),
        (
            {"sizes": (3, 4, 2, 3), "bias": np.zeros((3, 1, 2))},
            np.stack([B] * 3),
            "int32",
            "bias or scale differ within the batch",
        ),
    ],
)
def test_where_machines_can(given, b, format, why):
    found = finish.finish(TARGET, _work(**given), b)
    assert (found.format, found.why) == (format, why)
    assert found.on_machine == (format != "int32")


@pytest.mark.parametrize("op", ["QLinearConv", "QLinearMatMul", "QGemm"])
def test_8_bits_are_the_output(op, tmp_path):
    """Where the machine rounds, what it writes is the node's output: nothing else is done to it,
    of one descriptor and of several that add up."""
    ours = 0
    with Machine("ws-tiny") as machine:
        for seed in range(40):
            model, inputs = draw(op, random.Random(f"finish {op} {seed}"))
            path = tmp_path / "one.onnx"
            onnx.save(model, path)
            network = Network(read(path), machine)
            done = network.run(inputs, check=True)
            assert done.exact, (op, seed, done.rows)
            for step in network.compile(inputs).machine_steps:
                if step.product.ending.on_machine:
                    assert step.jobs[-1].format in ("int8", "uint8")
                    ours += 1
    assert ours >= 10


def test_rows_of_the_kernel_are_rounded_at_the_end(tmp_path):
    """Sums of all rows but the last are int32 in a place of their own."""
    rng = np.random.default_rng(1)
    constants = {
        "s": np.float32(0.02), "t": np.float32(5), "z": np.int8(3),
        "w": rng.integers(-128, 127, (8, 64, 3, 3), np.int8), "n": np.int8(0),
    }  # fmt: skip
    names = ["x", "s", "z", "w", "s", "n", "t", "z"]
    node = helper.make_node("QLinearConv", names, ["y"], name="node", pads=[1, 1, 1, 1])
    graph = helper.make_graph(
        [node], "one", [helper.make_tensor_value_info("x", TensorProto.INT8, [1, 64, 30, 30])],
        [onnx.ValueInfoProto(name="y")],
        [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()],
    )  # fmt: skip
    path, opset = tmp_path / "one.onnx", [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    network = Network(read(path), Machine("ws-8x8"))
    x = rng.integers(-128, 127, (1, 64, 30, 30), np.int8)
    (step,) = network.compile({"x": x}).machine_steps
    assert network.run({"x": x}, check=True).exact
    if step.product.work.lines:
        assert [job.format for job in step.jobs] == ["int32", "int32", "int8"]
        assert step.jobs[1].d == step.jobs[1].c == step.jobs[2].d != step.jobs[2].c
