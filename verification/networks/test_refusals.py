"""What is refused: a line each that says what must be, exit status 2."""

import re

import numpy as np
import pytest

import insitu
from insitu.hdl.config import UserError
from insitu.verification.bench.command import status

from .graphs import REFUSED, product


@pytest.mark.parametrize("name", REFUSED)
def test_models(name, tmp_path, monkeypatch, capfd):
    # What libraries print counts as well.
    make, message = REFUSED[name]
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "m.onnx")
    for words in ("--on golden", "--plan"):
        assert status("net", "m.onnx", "--config", "ws-tiny", *words.split()) == 2
        said = capfd.readouterr().err
        assert said.count("\n") == 1, said
        assert said.startswith("error: ")
        assert re.search(message, said.strip()), said
        assert "Traceback" not in said


def test_there_are_ten():
    assert len(REFUSED) >= 10


INPUTS = [
    ({}, r"^input a: must be given, 2 × 3 of int8$"),
    ({"b": np.zeros((2, 3), np.int8)}, r"^input b: must be left out or one of a$"),
    ({"a": np.zeros((2, 3))}, r"^input a: must be of int8, not float64$"),
    ({"a": np.zeros((2, 4), np.int8)}, r"^input a: must be of shape 2 × 3, not \(2, 4\)$"),
    ({"a": np.zeros(6, np.int8)}, r"^input a: must be of shape 2 × 3, not \(6,\)$"),
]


@pytest.mark.parametrize(("given", "message"), INPUTS)
def test_inputs(given, message, tmp_path):
    network = insitu.load(product(tmp_path / "model.onnx"), "ws-tiny")
    with pytest.raises(UserError, match=message):
        network.run(given)


def test_zero_points_per_column_stay_on_the_host(tmp_path):
    """In Python, and among nodes that the machine computes."""
    path = product(tmp_path / "model.onnx", b_zero=np.array([1, 2], np.int8))
    network = insitu.load(path, "ws-tiny")
    (row,) = network.plan()
    assert (row.where, row.why) == ("host", "the zero point of B differs from column to column")
    assert network.run(check=True).exact


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("net nope", r"^error: MODEL: must be an ONNX file \(\.onnx\) or one of \w+, .*'nope'$"),
        ("net nope.onnx", r"^error: MODEL: must be an ONNX file that exists, not 'nope\.onnx'$"),
        ("net m.onnx --on board", r"^error: --port: must be given with --on board$"),
        ("net m.onnx --port x", r"^error: --port: must be left out with --on rtl$"),
        ("net m.onnx --baud 9600", r"^error: --baud: must be left out with --on rtl$"),
        ("net m.onnx --timeout 9", r"^error: --timeout: must be left out with --on rtl$"),
        ("net m.onnx --emit c --no-check", r"^error: --no-check: must be left out with --emit"),
        (
            "net m.onnx --input no.npz",
            r"^error: --input: no\.npz must be an NPZ file of arrays: No",
        ),
        ("net m.onnx --output y.np", r"^error: --output: must be a file that ends in \.npz, not"),
        ("net m.onnx --output /proc/none/y.npz", r"^error: /proc/none: must be a folder that can"),
        ("net m.onnx --config os-4x4x4", r"must have a table \[machine\] for this"),
    ],
)
def test_options(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    product(tmp_path / "m.onnx")
    assert status(*words.split()) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(message, said.strip()), said
