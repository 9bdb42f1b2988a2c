"""A network on a board: its program is sent once, and parts of it run between nodes of the host."""

import json

import numpy as np
import pytest
from onnx import TensorProto, helper

import insitu
from insitu.hdl.boards import board
from insitu.hdl.config import UserError, load
from insitu.host.device import Device
from insitu.machine import Machine
from insitu.program.networks import Network
from insitu.program.networks.graph import read
from insitu.program.networks.models import prepared
from insitu.verification.bench.board_model import BoardModel
from insitu.verification.bench.command import status
from insitu.verification.jobs import report
from insitu.verification.jobs.board import FAST, simulated

from .graphs import product, save


def _device(config, size: int = 1 << 19) -> Device:
    return Device(
        BoardModel(size, max_k=config.shell.array.max_k, config_hash=int(config.hash, 16))
    )


@pytest.mark.parametrize("name", ["mnist", "espcn"])
def test_a_network(name, monkeypatch):
    """Every tensor is onnxruntime's; what is in memory from the first run is not sent again."""
    config = load("ws-8x8")
    device, lengths = _device(config), []
    right = device.link.write

    def write(space, address, content):
        lengths.append(len(content))
        right(space, address, content)

    monkeypatch.setattr(device.link, "write", write)
    path, inputs = prepared(name)
    network = Network(read(path), Machine(config, "board", device=device))
    sent = []
    for _ in range(2):
        lengths.clear()
        assert network.run(inputs, check=True).exact
        sent.append(sum(lengths))
    compiled = network.compile(inputs)
    assert sent[0] >= sent[1] + sum(len(content) for _, content in compiled.program.image)
    assert sent[1] <= sum(step.product.sizes["a"] for step in compiled.machine_steps)
    assert device.used == compiled.top


def test_weights_that_are_computed(tmp_path):
    """They are sent in each run, as they differ."""
    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    inputs = [("a", TensorProto.INT8, [2, 4]), ("b", TensorProto.INT8, [4, 3])]
    path = save(tmp_path / "m.onnx", [node], inputs)
    config = load("ws-tiny")
    network = insitu.load(path, config, on="board", device=_device(config))
    for seed in (1, 2):
        assert network.run(network.inputs(seed=seed), check=True).exact


def test_beside_other_matrices(tmp_path):
    """It lies after what is there; once it is cleared it is made anew."""
    config = load("ws-tiny")
    device = _device(config)
    mine = device.put(np.arange(64, dtype=np.int8).reshape(8, 8))
    network = insitu.load(product(tmp_path / "m.onnx"), config, on="board", device=device)
    base = device.used
    for _ in range(2):
        assert network.run(check=True).exact
        assert network.compile().base >= base
    np.testing.assert_array_equal(device.get(mine), np.arange(64).reshape(8, 8))
    device.clear()
    device.put(np.zeros((3, 3), np.int8))
    assert network.run(check=True).exact
    assert network.compile().base < base + 64


def test_a_network_that_is_too_large(tmp_path):
    config = load("ws-tiny")
    device = _device(config, 256)
    network = insitu.load(product(tmp_path / "m.onnx"), config, on="board", device=device)
    device.put(np.zeros((24, 8), np.int8))
    with pytest.raises(UserError, match=r"^memory: must hold \d+ bytes, not 256"):
        network.run()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--port: must be given with --on board"),
        (["--port", "/dev/none"], "port: must open at 3000000 baud, /dev/none does not"),
        (["--port", "/dev/none", "--baud", "0"], "baud: must be an integer from 1 to 2147483647"),
        (["--port", "/dev/none", "--timeout", "x"], "timeout: must be a number of seconds"),
    ],
)
def test_mistakes(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    product(tmp_path / "m.onnx")
    assert status("net", "m.onnx", "--on", "board", *words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {message}")
    assert said.count("\n") == 1


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["ulx3s-85f", "icebreaker"])
def test_over_the_pins(name, tmp_path):
    """`insitu net mnist --on board` over the UART pins of the board in simulation: every tensor is
    onnxruntime's, and nothing is sent again.

    Without builds 50 and 26 s.
    """
    one = board(name)
    config = one.machine(target="generic")
    words = ["net", "mnist", "--config", one.config, "--target", "generic", "--on", "board"]
    with simulated(one, config, "verilator", tmp_path, bit=FAST) as port:
        assert status(*words, "--port", port, "--timeout", "600") == 0
    path = report.place("net", config, "mnist-board") / "report.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["bit_exact"]
    assert found["macs_on_machine"] == 786_560
