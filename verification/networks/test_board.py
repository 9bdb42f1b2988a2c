"""A network on a board: its program is sent once, and parts of it run between nodes of the host."""

import numpy as np
import pytest
from onnx import TensorProto, helper

import insitu
from insitu.hdl.config import UserError, load
from insitu.host.device import Device
from insitu.machine import Machine
from insitu.program.networks import Network
from insitu.program.networks.graph import read
from insitu.program.networks.models import prepared
from insitu.verification.bench.board_model import BoardModel

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
