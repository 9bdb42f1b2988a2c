"""ONNX's own node tests of quantised operators, through :mod:`insitu.backend`."""

import os
import subprocess
import sys
import warnings
from importlib import import_module

import numpy as np
import onnx
import pytest
from onnx.backend.test.case import node

from insitu.backend import Insitu
from insitu.hdl.config import UserError

PRODUCTS = ("qlinearconv", "qlinearmatmul", "convinteger", "matmulinteger")
OTHERS = ("quantizelinear", "dequantizelinear", "dynamicquantizelinear")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # some cases overflow on purpose
    for module in (*PRODUCTS, *OTHERS):
        import_module(f"onnx.backend.test.case.node.{module}")
# Those that these modules have registered, but for the same ones as functions of other operators.
CASES = {case.name: case for case in node._NodeTestCases if not case.name.endswith("_expanded")}
# Its kernel has a zero point per channel, which no machine has: it runs on the host.
HOST = ("test_convinteger_with_padding",)
RTL = [
    name
    for name in CASES
    if name.removeprefix("test_").removeprefix("basic_").startswith(PRODUCTS) and name not in HOST
]


def _array(value):
    """Formats that numpy has not come as ONNX's tensors."""
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _check(name: str, **place: str) -> None:
    case = CASES[name]
    prepared = Insitu.prepare(case.model, **place)
    for given, wanted in case.data_sets:
        inputs, outputs = ([_array(x) for x in some] for some in (given, wanted))
        done = prepared.network.run(dict(zip(prepared.network.graph.inputs, inputs, strict=True)))
        found = prepared.run(inputs)
        for one, other in zip(found, outputs, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one.astype(np.float64), other.astype(np.float64))
        if name in RTL:
            assert "machine" in [row.where for row in done.rows]


def test_there_are_all():
    assert len(CASES) >= 42


@pytest.mark.parametrize("name", CASES)
def test_node(name):
    _check(name)


@pytest.mark.parametrize("name", RTL)
def test_node_on_rtl(name):
    _check(name, config="ws-tiny", on="rtl")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], r"^inputs: must be 8, not 0$"),
        (np.zeros(3, np.uint8), r"^inputs: must be 8, not 1$"),
        ({"x": np.zeros(3, np.uint8)}, r"^input x: must be of shape"),
    ],
)
def test_refuses_inputs(given, message):
    prepared = Insitu.prepare(CASES["test_qlinearconv"].model)
    with pytest.raises(UserError, match=message):
        prepared.run(given)


def test_refuses_a_device():
    with pytest.raises(UserError, match=r"^device: must be CPU, not 'CUDA'$"):
        Insitu.prepare(CASES["test_qlinearconv"].model, "CUDA")


HARNESS = """
import unittest
from onnx.backend.test import BackendTest
from insitu.backend import Insitu

tests = BackendTest(Insitu, __name__)
for name in ("qlinearconv", "qlinearmatmul", "convinteger", "matmulinteger"):
    tests.include(f"test_{name}.*_cpu")
globals().update(tests.test_cases)
unittest.main()
"""


@pytest.mark.nightly
def test_by_onnx_harness(tmp_path):
    """As docs/own-network.md has it."""
    (tmp_path / "harness.py").write_text(HARNESS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "harness.py"], cwd=tmp_path, env=os.environ, capture_output=True,
        text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
