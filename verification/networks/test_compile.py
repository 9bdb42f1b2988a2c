"""One program of a network: memory without overlaps, weights once, and where they stay."""

from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from insitu.hdl.config import UserError, load
from insitu.machine import Machine
from insitu.program.banks import banked
from insitu.program.descriptor import Descriptor
from insitu.program.memory import Tensor
from insitu.program.networks import Network
from insitu.program.networks import compile as compile_module
from insitu.program.networks.compiled import Compiled
from insitu.program.networks.graph import read
from insitu.program.networks.models import names, prepared
from insitu.program.spans import spans_fit
from insitu.program.target import Target

from .graphs import save
from .test_lines import check_words


def _model(path, sizes, *, shared=False, dynamic=False, rows=3):
    """Products one after the other, QLinearMatMul, of K and N in ``sizes``; with ``shared`` all of
    one B; with ``dynamic`` the scale of A is computed by another node."""
    rng = np.random.default_rng(1)
    constants: dict[str, Any] = {"s": np.float32(0.02), "z": np.int8(0), "two": np.float32(2.0)}
    nodes, x = [], "x"
    if dynamic:
        nodes.append(helper.make_node("Mul", ["g", "two"], ["sx"], name="scale"))
    for n, (k, m) in enumerate(zip(sizes, sizes[1:], strict=False)):
        b = "b0" if shared else f"b{n}"
        constants.setdefault(b, rng.integers(-128, 127, (k, m), np.int8))
        names = [x, "sx" if dynamic else "s", "z", b, "s", "z", "s", "z"]
        x = f"y{n}"
        nodes.append(helper.make_node("QLinearMatMul", names, [x], name=f"product {n}"))
    inputs = [helper.make_tensor_value_info("x", TensorProto.INT8, [rows, sizes[0]])]
    if dynamic:
        inputs.append(helper.make_tensor_value_info("g", TensorProto.FLOAT, []))
    graph = helper.make_graph(
        nodes, "g", inputs, [onnx.ValueInfoProto(name=x)],
        [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()],
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path
    )
    return path


def _end(tensor: Tensor) -> int:
    return (
        tensor.address
        + (tensor.count - 1) * tensor.step
        + (tensor.rows - 1) * tensor.stride
        + tensor.row_bytes
    )


def _check_memory(compiled: Compiled, shell) -> None:
    """The hardware takes all places; constants lie apart, and apart from what is written."""
    program = compiled.program
    assert program.top == compiled.top
    steps = compiled.machine_steps
    assert len(program.jobs) == sum(len(step.calls) for step in steps)
    assert all(spans_fit(shell, job) for job in program.jobs)
    check_words(compiled, Target.of_shell(shell))
    pieces = sorted((at, at + len(content)) for at, content in program.image)
    assert all(end <= start for (_, end), (start, _) in pairwise(pieces))
    weights = compiled.top - compiled.weights
    assert all(weights <= start and end <= compiled.top for start, end in pieces)
    for step in steps:
        a, c = step.product.a(step.jobs), step.product.c(step.jobs)
        for tensor in (a, c):
            assert compiled.base <= tensor.address
            assert _end(tensor) <= compiled.base + compiled.arena
        assert _end(a) <= c.address or _end(c) <= a.address


@pytest.mark.parametrize("name", names(large=False))
def test_memory_of_known_networks(name):
    path, inputs = prepared(name)
    network = Network(read(path), Machine("ws-8x8"))
    compiled = network.compile(inputs)
    _check_memory(compiled, load("ws-8x8").shell)
    # Activations share bytes, and nearly as well as can be.
    assert compiled.live <= compiled.arena <= 1.05 * compiled.live
    assert compiled.arena < compiled.apart
    assert network.compile(inputs) is compiled


def test_equal_weights_are_in_memory_once(tmp_path):
    path = _model(tmp_path / "m.onnx", [16, 16, 16, 16], shared=True)
    network = Network(read(path), Machine("ws-tiny"))
    compiled = network.compile()
    assert compiled.weights == 16 * 16
    assert len({job.b for job in compiled.program.jobs}) == 1
    assert network.run(check=True).exact


def test_equal_activations_are_in_memory_once(tmp_path):
    """Two products of one tensor read the same A, which lives until the second has read it."""
    path = tmp_path / "m.onnx"
    rng = np.random.default_rng(1)
    constants = {n: rng.integers(-128, 127, (8, 8), np.int8) for n in "bcd"}
    nodes = [
        helper.make_node("MatMulInteger", ["x", "b"], ["p"], name="p"),
        helper.make_node("MatMulInteger", ["w", "c"], ["q"], name="q"),
        helper.make_node("MatMulInteger", ["x", "d"], ["r"], name="r"),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info(n, TensorProto.INT8, [4, 8]) for n in "xw"],
        [onnx.ValueInfoProto(name=n) for n in "pqr"],
        [onnx.numpy_helper.from_array(v, n) for n, v in constants.items()],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    network = Network(read(path), Machine("ws-tiny"))
    steps = {step.node.name: step for step in network.compile().machine_steps}
    (p,), (q,), (r,) = (steps[x].jobs for x in "pqr")
    assert p.a == r.a
    taken = range(p.a, p.a + 4 * p.a_stride)
    assert all(at not in taken for at in (q.a, q.c))
    assert network.run(check=True).exact


BANKED = ["cim-tiny", "mesh-tiny", "inbank-tiny"]


def _loads(monkeypatch, machine: Machine) -> list[bool]:
    """Whether each descriptor that the machine runs from now on loads its B."""
    found: list[bool] = []
    runner: Any = machine.runner
    right = runner.do

    def do(program, content):
        found.extend(job.load_b for job in program.jobs)
        return right(program, content)

    monkeypatch.setattr(runner, "do", do)
    return found


@pytest.mark.parametrize("on", ["golden", "model"])
@pytest.mark.parametrize("config", BANKED)
def test_weights_stay_from_run_to_run(config, on, tmp_path, monkeypatch):
    """Loaded once, as long as nothing else runs between; cycles and bytes are fewer then."""
    path = _model(tmp_path / "m.onnx", [4, 4, 4])
    machine = Machine(config, on)
    network = Network(read(path), machine)
    loads = _loads(monkeypatch, machine)
    done = [network.run(network.inputs(seed=seed), check=True) for seed in (1, 2)]
    assert loads == [True, True, False, False]
    assert all(x.exact for x in done)
    first, second = ([row for row in x.rows if row.where == "machine"] for x in done)
    for one, other in zip(first, second, strict=True):
        for key in ("bytes", "cycles", "model_cycles"):
            assert getattr(other, key) < getattr(one, key)
    machine.matmul(np.ones((4, 8), np.uint8), np.ones((8, 4), np.int8))
    assert network.run(check=True).exact
    assert loads[4:] == [True, True, True]  # the last product's own is the first of them


@pytest.mark.parametrize("config", BANKED)
def test_large_weights_make_way_for_others(config, tmp_path, monkeypatch):
    """What needs more banks than there are streams, and leaves alone what stays."""
    path = _model(tmp_path / "m.onnx", [4, 4, 64, 4])
    machine = Machine(config)
    network = Network(read(path), machine)
    loads = _loads(monkeypatch, machine)
    assert network.run(check=True).exact
    assert network.run(check=True).exact
    calls = [call for step in network.compile().machine_steps for call in step.calls]
    stays = [call.stays for call in calls]
    assert stays[0]
    assert not all(stays)
    assert loads == [True] * 3 + [not x for x in stays]


def test_a_shared_b_is_loaded_by_the_first(tmp_path, monkeypatch):
    path = _model(tmp_path / "m.onnx", [4, 4, 4, 4], shared=True)
    machine = Machine("mesh-tiny")
    network = Network(read(path), machine)
    loads = _loads(monkeypatch, machine)
    assert network.run(check=True).exact
    assert loads == [True, False, False]
    assert [job.load_b for job in network.compile().program.jobs] == loads


@pytest.mark.parametrize("config", ["ws-tiny", "mesh-tiny"])
def test_scales_of_other_nodes(config, tmp_path):
    """What is computed in the network is taken anew in each run."""
    path = _model(tmp_path / "m.onnx", [8, 8, 4], dynamic=True)
    network = Network(read(path), Machine(config))
    steps = network.compile({"x": np.zeros((3, 8), np.int8), "g": np.float32(1)}).machine_steps
    assert all(step.late for step in steps)
    rng = np.random.default_rng(1)
    for scale in (0.01, 0.05):
        x = rng.integers(-128, 127, (3, 8), np.int8)
        done = network.run({"x": x, "g": np.float32(scale)}, check=True)
        assert done.exact
        assert [row.where for row in done.rows].count("machine") == 2


def test_shapes_that_depend_on_values(tmp_path):
    """A product of as many rows as an input has ones: compiled anew where there are others."""
    path = tmp_path / "m.onnx"
    b = np.arange(-8, 8, dtype=np.int8).reshape(4, 4)
    nodes = [
        helper.make_node("Compress", ["x", "keep"], ["kept"], axis=0),
        helper.make_node("MatMulInteger", ["kept", "b"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.INT8, [6, 4]),
         helper.make_tensor_value_info("keep", TensorProto.BOOL, [6])],
        [onnx.ValueInfoProto(name="y")], [onnx.numpy_helper.from_array(b, "b")],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    network = Network(read(path), Machine("ws-tiny"))
    x = np.arange(24, dtype=np.int8).reshape(6, 4)
    for count in (2, 5, 2):
        done = network.run({"x": x, "keep": np.arange(6) < count}, check=True)
        assert done.exact
        assert done.outputs["y"].shape == (count, 4)


def test_products_of_the_host_count(tmp_path):
    """In shares of a network, whatever keeps them there."""
    nodes = [
        helper.make_node("ConvInteger", ["x", "w"], ["p"], name="conv"),
        helper.make_node("MatMulInteger", ["a", "b", "", "q"], ["r"], name="product"),
    ]
    constants = {
        "w": np.ones((3, 2, 2, 2, 2), np.int8),
        "b": np.ones((5, 4), np.int8), "q": np.array([1, 2, 3, 4], np.int8),
    }  # fmt: skip
    inputs = [("x", TensorProto.INT8, [1, 2, 4, 5, 6]), ("a", TensorProto.INT8, [8, 5])]
    path = save(tmp_path / "m.onnx", nodes, inputs, ["p", "r"], constants)
    rows = {row.name: row for row in Network(read(path), Machine("ws-tiny")).plan()}
    assert {name: (row.where, row.macs) for name, row in rows.items()} == {
        "conv": ("host", 3 * 4 * 5 * 3 * 2 * 8), "product": ("host", 8 * 4 * 5)
    }  # fmt: skip


# --- Banks ---


def _target(banks: int) -> Target:
    return Target(8, 8, 8, False, True, True, True, 1 << 12, 32, tile=(8, 8), banks=banks)


def _job(tiles: int) -> Descriptor:
    return Descriptor(1, 8, 8 * tiles)


def test_banks_are_shared_out():
    jobs = [_job(2), _job(3), _job(1)]
    assert banked(_target(6), jobs) == [(0, True), (2, True), (5, True)]
    # The largest ones make way, and have the room that they need.
    found = banked(_target(6), [*jobs, _job(2)])
    assert found == [(3, False), (3, False), (0, True), (1, True)]
    # One that streams in any case has half of all.
    assert banked(_target(8), [_job(2), _job(9), _job(2)]) == [(0, True), (4, False), (2, True)]
    # Unless another one could fit.
    assert banked(_target(8), [_job(1), _job(9), _job(8)]) == [(0, False)] * 3
    assert banked(_target(8), jobs, [True, False, True]) == [(0, True), (3, False), (2, True)]
    assert banked(_target(0), jobs) == [(0, False)] * 3
    assert banked(_target(1), [_job(2), _job(1)]) == [(0, False), (0, False)]


@pytest.mark.parametrize("seed", range(50))
def test_banks_of_their_own_are_nobody_elses(seed):
    rng = np.random.default_rng(seed)
    target = _target(int(rng.integers(1, 20)))
    jobs = [_job(int(x)) for x in rng.integers(1, 12, rng.integers(1, 9))]
    found = banked(target, jobs, list(rng.random(len(jobs)) < 0.8))
    kept = [
        range(bank, bank + len(target.banks_of(job)))
        for job, (bank, stays) in zip(jobs, found, strict=True)
        if stays
    ]
    ends = [x.stop for x in kept]
    assert all(one.stop <= other.start for one, other in pairwise(kept))
    for bank, stays in found:
        assert 0 <= bank < target.banks
        if not stays:
            assert all(end <= bank for end in ends)


def test_memory_that_the_machine_does_not_reach(tmp_path, monkeypatch):
    network = Network(read(_model(tmp_path / "m.onnx", [8, 8])), Machine("ws-tiny"))
    right = compile_module.together
    monkeypatch.setattr(
        compile_module, "together", lambda steps, base, most: right(steps, base, 100)
    )
    with pytest.raises(UserError, match=r"^MODEL: must need at most 100 bytes of memory, not 192$"):
        network.compile()
