"""Networks that other people made, and what is refused."""

import re
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import insitu
from insitu.hdl.config import UserError
from insitu.hdl.support.files import BUILD
from insitu.machine import Machine
from insitu.program.networks import Network, rounding
from insitu.program.networks.graph import read
from insitu.program.networks.models import names, prepared
from insitu.program.networks.quantise import quantise
from insitu.verification.bench.command import status


def _network(name: str, on: str) -> tuple[Network, dict]:
    path, inputs = prepared(name)
    return Network(read(path), Machine("ws-8x8", on)), inputs


@pytest.mark.parametrize("name", names())
def test_every_tensor_is_onnxruntimes(name):
    network, inputs = _network(name, "golden")
    done = network.run(inputs, check=True)
    assert done.exact
    ours = [row for row in done.rows if row.where == "machine"]
    assert len(ours) >= 3
    assert all(row.different == 0 for row in ours)
    # All that multiplies does so on the machine.
    assert sum(row.macs for row in ours) == sum(row.macs for row in done.rows)


def test_by_command_on_rtl(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert status("net", "mnist", "--output", "out.npz") == 0
    with np.load(tmp_path / "out.npz") as file:
        (output,) = (file[name] for name in file.files)
    assert output.shape == (1, 10)
    assert output.argmax() == 2  # the digit of the sample that lies beside the model
    (found,) = BUILD.glob("net/ws-8x8/mnist-rtl/index.html")
    shown = ElementTree.fromstring(found.read_text(encoding="utf-8").partition("\n")[2])
    assert len(list(shown.iter("{http://www.w3.org/2000/svg}svg"))) == 3
    assert "18,252 cycles" in "".join(shown.itertext())


@pytest.mark.nightly
@pytest.mark.parametrize("name", names()[1:])
def test_on_rtl(name):
    network, inputs = _network(name, "rtl")
    assert network.run(inputs, check=True).exact


def test_a_wrong_bit_is_found(monkeypatch):
    """A machine that rounds otherwise is told apart, node by node."""
    network, inputs = _network("mnist", "golden")
    right = rounding.requantised

    def half_up(sums, scale, zero, kind):
        found = right(sums, scale, zero, kind)
        found.flat[0] ^= 1
        return found

    monkeypatch.setattr("insitu.program.networks.operators.product.requantised", half_up)
    done = network.run(inputs, check=True)
    assert done.exact is False
    assert [row.different for row in done.rows if row.where == "machine"][0] == 1


# --- What is refused ---


def _save(path, nodes, inputs, outputs=("y",), constants=(), opset=13, domain=()):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, kind, shape) for n, kind, shape in inputs],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domain)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def _product(path, rows=2, b_zero=None, kind=TensorProto.INT8, **given):
    b = np.arange(6, dtype=np.int8).reshape(3, 2)
    names = ["a", "b"] + (["", "z"] if b_zero is not None else [])
    constants = [("b", b)] + ([("z", b_zero)] if b_zero is not None else [])
    node = helper.make_node("MatMulInteger", names, ["y"], name="product")
    _save(path, [node], [("a", kind, [rows, 3])], constants=constants, **given)


def _float(path):
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    _save(
        path, [node], [("a", TensorProto.FLOAT, [2, 3])], constants=[("b", np.ones((3, 2), "f4"))]
    )


def _unknown(path):
    node = helper.make_node("Frobnicate", ["a"], ["y"])
    _save(path, [node], [("a", TensorProto.FLOAT, [2, 3])])


def _stranger(path):
    node = helper.make_node("Frobnicate", ["a"], ["y"], domain="my.own")
    _save(path, [node], [("a", TensorProto.FLOAT, [2, 3])], domain=["my.own"])


def _two_dynamic(path):
    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    _save(path, [node], [("a", TensorProto.INT8, [2, "k"]), ("b", TensorProto.INT8, ["k", 3])])


REFUSED = [
    ("old opset", lambda p: _product(p, opset=9), r"must have an opset of 10 or later, .*, not 9"),
    ("floating point", _float, r"must have nodes that multiply integers; MatMul .*--calibrate"),
    ("unknown operator", _unknown, r"onnxruntime refuses .*Frobnicate"),
    ("unknown domain", _stranger, r"onnxruntime refuses .*my\.own"),
    ("no model", lambda p: p.write_bytes(b"not a model at all"), r"must be an ONNX model"),
    ("empty file", lambda p: p.write_bytes(b""), r"must be an ONNX model: it has no nodes"),
    ("dynamic sizes", _two_dynamic, r"input a: must be given, as its sizes 2 × \? are not fixed"),
]


@pytest.mark.parametrize(("make", "message"), [x[1:] for x in REFUSED], ids=[x[0] for x in REFUSED])
def test_refuses(make, message, tmp_path):
    path = tmp_path / "model.onnx"
    make(path)
    with pytest.raises(UserError, match=message) as refused:
        insitu.load(path, "ws-tiny").plan()
    assert "\n" not in str(refused.value)


INPUTS = [
    ({}, r"^input a: must be given, 2 × 3 of int8$"),
    ({"b": np.zeros((2, 3), np.int8)}, r"^input b: must be left out or one of a$"),
    ({"a": np.zeros((2, 3))}, r"^input a: must be of int8, not float64$"),
    ({"a": np.zeros((2, 4), np.int8)}, r"^input a: must be of shape 2 × 3, not \(2, 4\)$"),
    ({"a": np.zeros(6, np.int8)}, r"^input a: must be of shape 2 × 3, not \(6,\)$"),
]


@pytest.mark.parametrize(("given", "message"), INPUTS)
def test_refuses_inputs(given, message, tmp_path):
    _product(tmp_path / "model.onnx")
    network = insitu.load(tmp_path / "model.onnx", "ws-tiny")
    with pytest.raises(UserError, match=message):
        network.run(given)


def test_weights_with_zero_points_per_column_stay_on_the_host(tmp_path):
    _product(tmp_path / "model.onnx", b_zero=np.array([1, 2], np.int8))
    network = insitu.load(tmp_path / "model.onnx", "ws-tiny")
    (row,) = network.plan()
    assert (row.where, row.why) == ("host", "the zero point of B differs from column to column")
    assert network.run(check=True).exact


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("net nope", r"^error: MODEL: must be an ONNX file \(\.onnx\) or one of mnist, .*'nope'$"),
        ("net nope.onnx", r"^error: MODEL: must be an ONNX file that exists, not 'nope\.onnx'$"),
        ("net m.onnx --on board", r"^error: --port: must be given with --on board$"),
        ("net m.onnx --port x", r"^error: --port: must be left out with --on rtl$"),
        (
            "net m.onnx --input no.npz",
            r"^error: --input: no\.npz must be an NPZ file of arrays: No",
        ),
        ("net m.onnx --output y.np", r"^error: --output: must be a file that ends in \.npz, not"),
        ("net m.onnx --output /proc/none/y.npz", r"^error: /proc/none: must be a folder that can"),
        ("net m.onnx --config os-4x4x4", r"must have a table \[machine\] for this"),
    ],
)
def test_command_refuses(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _product(tmp_path / "m.onnx")
    assert status(*words.split()) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(message, said.strip()), said


# --- Rounding, quantising ---


def test_rounding_is_in_binary32():
    """Where the exact product rounds otherwise: sums whose product is next to a half."""
    scale = np.float32(0.1) * np.float32(0.1) / np.float32(0.2)
    sums = np.arange(-5000, 5000)
    wanted = np.clip(np.rint(sums.astype(np.float32) * scale) + 3, -128, 127)
    assert (rounding.requantised(sums, np.array([scale]), 3, np.dtype("int8")) == wanted).all()
    assert rounding.combined(1e-30, 1e-12, 1.0)[0] == np.float32(2.0**-126)


def test_quantises_a_float_model(tmp_path):
    _float(tmp_path / "float.onnx")
    rng = np.random.default_rng(1)
    data = [{"a": rng.normal(0, 1, (2, 3)).astype("f4")} for _ in range(4)]
    quantise(tmp_path / "float.onnx", data, tmp_path / "int8.onnx")
    done = insitu.load(tmp_path / "int8.onnx", "ws-tiny").run(data[0], check=True)
    assert done.exact
    assert any(row.where == "machine" for row in done.rows)
    with pytest.raises(UserError, match=r"^calibration: must have at least one set of inputs"):
        quantise(tmp_path / "float.onnx", [], tmp_path / "int8.onnx")
