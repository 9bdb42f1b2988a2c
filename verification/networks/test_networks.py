"""Networks that other people made."""

import numpy as np
import pytest

import insitu
from insitu.hdl.config import UserError
from insitu.machine import Machine
from insitu.program.networks import Network, digits, rounding
from insitu.program.networks.graph import read
from insitu.program.networks.models import names, prepared
from insitu.program.networks.quantise import quantise
from insitu.sim_models import golden
from insitu.verification.jobs.commands.net import NAMES

from .graphs import floating


def _network(name: str, on: str) -> tuple[Network, dict]:
    path, inputs = prepared(name)
    return Network(read(path), Machine("ws-8x8", on)), inputs


def test_names_are_those_of_the_command():
    assert tuple(names()) == NAMES


@pytest.mark.parametrize("name", names(large=False))
def test_every_tensor_is_onnxruntimes(name):
    network, inputs = _network(name, "golden")
    done = network.run(inputs, check=True)
    assert done.exact
    ours = [row for row in done.rows if row.where == "machine"]
    assert len(ours) >= 3
    assert all(row.different == 0 for row in ours)
    # All that multiplies does so on the machine.
    assert sum(row.macs for row in ours) == sum(row.macs for row in done.rows)


BY_NIGHT = [
    pytest.param(name, marks=pytest.mark.nightly)
    for name in ("digits", "espcn", *names(large=True))
]


@pytest.mark.parametrize("name", ["attacut", "textline", *BY_NIGHT])
def test_on_rtl(name):
    """Bits, and every counter as the models have it; mnist is by the command."""
    network, inputs = _network(name, "rtl")
    done = network.run(inputs, check=True)
    assert done.exact
    for row in done.rows:
        assert row.cycles == row.model_cycles


def test_on_a_compact_machine():
    """Without plans, zero points and models: im2col, and nothing is said of cycles."""
    path, inputs = prepared("digits")
    done = Network(read(path), Machine("up5k")).run(inputs, check=True)
    assert done.exact
    ours = [row for row in done.rows if row.where == "machine"]
    assert [row.macs for row in ours] == [207_360, 737_280, 12_800]
    assert all(row.cycles is None and row.energy is None for row in ours)


def test_digits_are_read():
    """All test images in one run: as many are read as by the network of `make sim`, near enough."""
    network, _ = _network("digits", "golden")
    inputs, wanted = digits.tested()
    done = network.run(inputs, check=True)
    assert done.exact
    (classes,) = done.outputs.values()
    assert classes.shape == (360, 10)
    assert (classes.argmax(axis=1) == wanted).mean() >= 0.97


def test_a_wrong_bit_is_found(monkeypatch):
    """A machine that rounds otherwise is told apart, node by node."""
    network, inputs = _network("mnist", "golden")
    right = golden.requantise

    def one_off(acc, scale, **given):
        found = right(acc, scale, **given)
        found.flat[0] ^= 1
        return found

    monkeypatch.setattr(golden, "requantise", one_off)
    done = network.run(inputs, check=True)
    assert done.exact is False
    assert [row.different for row in done.rows if row.where == "machine"][0] == 1


# --- Rounding, quantising ---


def test_rounding_is_in_binary32():
    """Where the exact product rounds otherwise: sums whose product is next to a half."""
    scale = np.float32(0.1) * np.float32(0.1) / np.float32(0.2)
    sums = np.arange(-5000, 5000)
    wanted = np.clip(np.rint(sums.astype(np.float32) * scale) + 3, -128, 127)
    assert (rounding.requantised(sums, np.array([scale]), 3, np.dtype("int8")) == wanted).all()
    assert rounding.combined(1e-30, 1e-12, 1.0)[0] == np.float32(2.0**-126)


def test_quantises_a_float_model(tmp_path):
    floating(tmp_path / "float.onnx")
    rng = np.random.default_rng(1)
    data = [{"a": rng.normal(0, 1, (2, 3)).astype("f4")} for _ in range(4)]
    quantise(tmp_path / "float.onnx", data, tmp_path / "int8.onnx")
    done = insitu.load(tmp_path / "int8.onnx", "ws-tiny").run(data[0], check=True)
    assert done.exact
    assert any(row.where == "machine" for row in done.rows)
    with pytest.raises(UserError, match=r"^calibration: must have at least one set of inputs"):
        quantise(tmp_path / "float.onnx", [], tmp_path / "int8.onnx")
