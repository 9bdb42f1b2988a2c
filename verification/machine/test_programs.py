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
from insitu.verification.bench.passed import at_night
from insitu.verification.bench.workload import works_of


def by_hand(network: list[Dense], x: np.ndarray) -> np.ndarray:
    """The last sums, without any program."""
    for layer in network:
        x = digits.finish(layer, digits.golden_gemm(layer, x.reshape(-1, len(layer.b))))
    return x


@pytest.mark.parametrize(
    "name", at_night(["ws-tiny", "cim-tiny", "os-tiny", "mesh-tiny", "inbank-tiny"], 2)
)
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
    for inputs in ({}, {"z": np.zeros((3, 8), int)}, {"x": np.zeros((3, 7), int)}):
        with pytest.raises(ValueError, match=r"^(inputs must be x|x: values must be 1 × 3 × 8)"):
            program.memory(inputs)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.full((3, 8), 0.5), "x: values must be integers, not float64"),
        (np.full((3, 8), 200), "x: values must be from -128 to 127, not 200"),
        (np.ones((3, 8), bool), "x: values must be integers, not bool"),
    ],
)
def test_inputs_that_do_not_fit(x, says):
    """On the board, too: nothing is cut off, and nothing is sent."""
    board = BoardModel(1 << 17)
    device = Device(board)
    program = chain(device.target, layers([8, 8], -128), 3)
    loaded = device.load(program)
    writes = board.writes
    for run in (lambda: loaded.run(x=x), lambda: program.memory({"x": x})):
        with pytest.raises(ValueError, match=f"^{says}$"):
            run()
    assert board.writes == writes


def test_a_program_that_was_cleared_is_refused():
    """Its memory is another matrix's then."""
    device = Device(BoardModel(1 << 17))
    loaded = device.load(chain(device.target, layers([8, 8], -128), 3))
    device.clear()
    device.put(np.ones((64, 64), np.int8))
    with pytest.raises(UserError, match="^program: must be one that was not cleared; load it"):
        loaded.run(x=np.zeros((3, 8), int))


@pytest.mark.parametrize(
    ("config", "change", "says"),
    [
        ("mesh-tiny", {"a_zero": -128, "c_zero": -128}, "a_zero: must be 0 on this machine"),
        ("ws-tiny", {"a_zero": 3, "c_zero": 3}, "layer layer 0: a_zero: must be -128, of int8 "),
        ("ws-tiny", {"c_zero": 0}, "layer layer 0: must be of zero point -128, as the first one"),
        ("ws-tiny", {"b": np.full((8, 8), 300)}, "layer layer 0: b: must be integers from -128 to"),
        ("ws-tiny", {"bias": np.zeros(7, int)}, "layer layer 0: bias: must be 8 of them"),
        ("ws-tiny", {"scale": np.zeros(8, "f4")}, "layer layer 0: scale: must be positive normal "),
        ("ws-tiny", {"b": np.ones((40_000, 8), int)}, "layer layer 0: K: must be an integer from "),
    ],
)  # fmt: skip
def test_layers_that_a_machine_cannot_do(config, change, says):
    target = Target.of(load(config))
    first, last = layers([8, 8, 8], -128)
    with pytest.raises(UserError) as found:
        chain(target, [replace(first, **change), last], 3)
    assert str(found.value).startswith(says)


def test_what_the_banks_had_is_gone():
    """Where another matrix was loaded on it, the golden model refuses as the machine does."""
    target = Target.of(load("mesh-tiny"))
    program = chain(target, layers([4, 4, 8], 0), 3)
    calls = [
        replace(call, job=replace(call.job, bank_first=bank))
        for call, bank in zip(program.calls, (1, 0), strict=True)
    ]
    held = replace(calls[0], job=replace(calls[0].job, load_b=False))
    execute(target, replace(program, calls=(calls[0], held)), {"x": np.zeros((3, 4), int)})
    again = replace(program, calls=(*calls, held))
    with pytest.raises(KeyError, match="is not in the banks"):
        execute(target, again, {"x": np.zeros((3, 4), int)})
