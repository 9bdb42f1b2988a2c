"""Programs of several layers on RTL: each reads what the one before wrote, weights stay."""

from dataclasses import replace

import numpy as np
import pytest

from insitu.hdl.config import UserError, load
from insitu.host import Device
from insitu.program.layers import Dense
from insitu.program.lower import chain
from insitu.program.program import Program
from insitu.program.target import Target
from insitu.sim_models import digits
from insitu.sim_models.execute import execute
from insitu.verification.bench.board_model import BoardModel
from insitu.verification.bench.layers import layers
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.bench.workload import works_of


def by_hand(network: list[Dense], x: np.ndarray) -> np.ndarray:
    """The last sums, without any program."""
    for layer in network:
        x = digits.finish(layer, digits.golden_gemm(layer, x.reshape(-1, len(layer.b))))
    return x


@pytest.mark.parametrize("name", ["ws-tiny", "os-tiny", "mesh-tiny", "inbank-tiny", "cim-tiny"])
@pytest.mark.parametrize("sizes", [[4, 4, 5], [8, 8, 8]], ids=str)
def test_layers_follow_each_other(name, sizes, tmp_path):
    """On machines with banks a second time: without a word of the weights that fit."""
    config = load(name, "generic")
    shell = config.shell
    target = Target.of_shell(shell)
    zero = -128 if target.zero_points else 0
    network = layers(sizes, zero)
    low = -128 if zero else 0
    x = np.random.default_rng(2).integers(low, low + 256, (6, sizes[0]))
    program = chain(target, network, len(x))
    outputs, _ = execute(target, program, {"x": x})
    assert np.array_equal(outputs["y"][0], by_hand(network, x))
    twice = replace(program, calls=program.calls + program.resident().calls)
    works = works_of(shell, twice, {"x": x})
    run = MachineRunner(config, "verilator", tmp_path).run(works, ahead=1)
    run.check(works)
    words = [counted["b_words"] for counted in run.counters]
    assert all(words[: len(network)])
    stays = [call.stays for call in program.calls]
    assert [count == 0 for count in words[len(network) :]] == stays
    if sizes[0] == 4:
        assert stays == [target.banks > 0] * 2


def test_weights_stay_on_a_board():
    """They are loaded by the first batch, and again after another product."""
    board = BoardModel(1 << 17, zero_points=False, banks=400, config_hash=0, max_k=1 << 14)
    device = Device(board)
    target = replace(device.target, banks=400, tile=(8, 8))
    network = layers([8, 8, 8], 0)
    x = np.random.default_rng(3).integers(0, 256, (6, 8))
    program = chain(target, network, len(x))
    loaded = device.load(program)
    for batch in range(3):
        if batch == 2:
            device.machine.products += 1  # as by a product of somebody's
        assert np.array_equal(loaded.run(x=x)["y"][0], by_hand(network, x))
    assert board.loads == [True, True, False, False, True, True]


def test_what_does_not_fit_together():
    target = Target.of(load("ws-tiny"))
    with pytest.raises(UserError, match=r"^layer layer 1: must be able to read what the one befor"):
        chain(target, [layers([8, 5, 8], -128)[0], layers([8, 8, 8], -128)[1]], 3)


def test_a_program_knows_its_inputs():
    target = Target.of(load("ws-tiny"))
    program: Program = chain(target, layers([8, 8], -128), 3)
    for inputs in ({}, {"z": np.zeros((3, 8))}, {"x": np.zeros((3, 7))}):
        with pytest.raises(ValueError, match=r"^(inputs must be x|values must be 1 × 3 × 8)"):
            program.memory(inputs)
