"""Networks in C: what is written compiles without a warning, and gives onnxruntime's bits."""

import random
import re
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from insitu.hdl.config import UserError, load
from insitu.machine import Machine
from insitu.program.descriptor import Descriptor
from insitu.program.networks import Network
from insitu.program.networks.costs import Choice, Costs
from insitu.program.networks.emit.glue import HELPERS
from insitu.program.networks.emit.words import Names, array
from insitu.program.networks.graph import read
from insitu.program.networks.models import prepared
from insitu.sim_models.execute import Memory
from insitu.verification import simulators
from insitu.verification.bench.command import status
from insitu.verification.bench.native import machine_build

from .generate import draw
from .graphs import product, save
from .in_c import RUN, WORDS, Linked, built

SIZE = 1 << 23


def run(network: Network, inputs, folder, base: int = 0) -> Linked:
    """The network in C on the golden model, twice; outputs and what nodes read are checked."""
    emitted = network.emit("some network", inputs, base)
    content = np.zeros(SIZE, np.uint8)
    memory = Memory(network.machine.runner.target, content, {})

    def store(address: int, piece: bytes) -> None:
        assert address >= base
        content[address : address + len(piece)] = np.frombuffer(piece, np.uint8)

    def do(words) -> int:
        memory.do(Descriptor.of([words[n] for n in range(WORDS)]))
        return 0

    linked = Linked(
        built(emitted, folder, driver=False), emitted, network.graph, inputs, store,
        lambda address, size: content[address : address + size].tobytes(),
    )  # fmt: skip
    linked.hand("runner", RUN(do))
    linked.library.some_network_load()
    for _ in range(2):
        assert linked.library.some_network_network(*linked.arguments()) == 0
        linked.check()
    return linked


CONSTANT = r"must have (weights|scales) that are constant with --emit c$"


def _drawn(op: str, machine: Machine, seeds: range, tmp_path) -> set[str]:
    """What is in the C of drawn models that can be written."""
    found: set[str] = set()
    for seed in seeds:
        model, inputs = draw(op, random.Random(f"c {op} {seed}"))
        # A library is loaded once from each path.
        path = tmp_path / f"{op}-{seed}" / "m.onnx"
        path.parent.mkdir(parents=True)
        onnx.save(model, path)
        network = Network(read(path), machine)
        if not all(step.is_fixed for step in network.compile(inputs).machine_steps):
            with pytest.raises(UserError, match=CONSTANT):
                network.emit("m", inputs)
            continue
        source = run(network, inputs, path.parent).emitted.source
        found |= {x for x in HELPERS if f"static void {x}(" in source}
        found |= {f"{x}_n" for x in "ac" if f"static void {x}_" in source}
    return found


def test_rows_of_the_kernel(tmp_path, monkeypatch):
    """Several descriptors, whose A is the image with its border: the last of all ways."""

    def choose(self, ways):
        way, product = ways[-1]
        return Choice(way, product, product.work.way)

    monkeypatch.setattr(Costs, "choose", choose)
    count = 0
    for seed in range(8):
        model, inputs = draw("QLinearConv", random.Random(f"c rows {seed}"))
        path = tmp_path / str(seed) / "m.onnx"
        path.parent.mkdir()
        onnx.save(model, path)
        network = Network(read(path), Machine("ws-tiny"))
        run(network, inputs, path.parent)
        (step,) = network.compile(inputs).machine_steps
        count += step.product.work.lines is not None and len(step.jobs) > 1
    assert count >= 2


def test_what_no_step_makes(tmp_path):
    """Outputs that are inputs or constants, a node that reads one tensor twice, none that is left
    out."""
    nodes = [
        helper.make_node("MatMulInteger", ["a", "b"], ["s"], name="product"),
        helper.make_node("Add", ["s", "s"], ["y"], name="add"),
    ]
    weights = {"b": np.ones((3, 2), np.int8)}
    inputs = [("a", TensorProto.INT8, [2, 3])]
    path = save(tmp_path / "m.onnx", nodes, inputs, ("y", "a", "b"), weights)
    network = Network(read(path), Machine("ws-tiny"))
    emitted = run(network, network.inputs(), tmp_path).emitted
    assert [name for name, _ in emitted.outputs] == ["y", "a", "b"]
    assert "(const int32_t *s, const int32_t *s_2, int32_t *y);" in emitted.header


def test_drawn_operators(tmp_path):
    """On a machine with zero points and on one without, where the host adds and rounds too."""
    found: set[str] = set()
    for config, rounds in (("ws-tiny", True), ("os-tiny", True), ("ws-tiny", False)):
        machine = Machine(config)
        machine.runner.target = replace(machine.runner.target, binary32=rounds)
        folder = tmp_path / f"{config}-{rounds}"
        for op in ("QLinearConv", "ConvInteger", "QGemm", "QLinearMatMul"):
            found |= _drawn(op, machine, range(4), folder)
    assert found == {*HELPERS, "a_n", "c_n"}


@pytest.mark.parametrize("config", ["ws-8x8", "cim-tiny"])
def test_with_tables(config, tmp_path):
    """And memory from 1 MiB on."""
    path, inputs = prepared("attacut")
    linked = run(Network(read(path), Machine(config)), inputs, tmp_path, 1 << 20)
    assert "table_" in linked.emitted.source


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["digits", "espcn", "textline"])
def test_models_by_name(name, tmp_path):
    path, inputs = prepared(name)
    run(Network(read(path), Machine("ws-8x8")), inputs, tmp_path)


def test_on_rtl(tmp_path):
    """mnist by ``docs/examples/driver.c``: every tensor is onnxruntime's."""
    config = load("ws-8x8", "generic")
    path, inputs = prepared("mnist")
    emitted = Network(read(path), Machine(config)).emit("network", inputs)
    library = built(emitted, tmp_path, driver=True)
    np.savez(tmp_path / "inputs.npz", **inputs)  # type: ignore[arg-type]
    env = {
        "INSITU_CONFIG": "ws-8x8", "INSITU_DRIVER": str(library), "INSITU_MODEL": str(path),
        "INSITU_INPUTS": str(tmp_path / "inputs.npz"),
    }  # fmt: skip
    tests = "insitu.verification.networks.tb_emitted"
    simulators.run(machine_build(config), tests, cwd=tmp_path, env=env)


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    product(tmp_path / "my-model.onnx")
    words = ["net", "my-model.onnx", "--config", "ws-tiny", "--emit", "c"]
    assert status(*words, "--output", "here", "--base", "0x1000") == 0
    header = (tmp_path / "here/my_model.h").read_text(encoding="utf-8")
    assert "int my_model_network(const int8_t *a, int32_t *y, uint64_t *cycles);" in header
    assert "// MatMulInteger product: descriptor 0\n//   A at 0x1040: int8, 2 × 3" in header
    assert "here/my_model.h, my_model.c" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--emit c --on golden", r"--on: must be left out with --emit, which runs nothing"),
        ("--emit c --plan", r"--plan: must be left out with --emit"),
        ("--emit c --output m.onnx", r"--output: must be a folder with --emit, not 'm\.onnx'"),
        ("--emit c --base 0xffffffff", r"MODEL: must need at most [\d,]+ bytes of memory"),
        ("--base 0", r"--base: must be left out without --emit"),
    ],
)
def test_mistakes(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    product(tmp_path / "m.onnx")
    assert status("net", "m.onnx", "--config", "ws-tiny", *words.split()) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(message, said), said


def test_models_that_are_refused(tmp_path, monkeypatch, capsys):
    """Weights that another node computes, types that C has not, and no product at all."""
    monkeypatch.chdir(tmp_path)
    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"], name="product")
    inputs = [("a", TensorProto.INT8, [2, 3]), ("b", TensorProto.INT8, [3, 2])]
    save(tmp_path / "both.onnx", [node], inputs)
    cast = helper.make_node("Cast", ["s"], ["y"], to=TensorProto.FLOAT16)
    first = helper.make_node("MatMulInteger", ["a", "b"], ["s"], name="product")
    weights = {"b": np.ones((3, 2), np.int8)}
    save(tmp_path / "half.onnx", [first, cast], inputs[:1], constants=weights)
    product(tmp_path / "columns.onnx", b_zero=np.array([1, 2], np.int8))
    for name, message in (
        ("both", rf"node product \(MatMulInteger\) {CONSTANT}"),
        ("half", r"tensor y must be of a type that C has, not float16$"),
        ("columns", r"must have a node that ws-tiny computes; product"),
    ):
        assert status("net", f"{name}.onnx", "--config", "ws-tiny", "--emit", "c") == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert re.search(message, said.strip()), said


def test_words():
    """Numbers of C are those of numpy; names are all different, and none is a keyword."""
    limits = np.array([-(1 << 63), (1 << 63) - 1])
    text = array("x", limits, "int64_t")
    assert "(INT64_C(-9223372036854775807) - 1), INT64_C(9223372036854775807)" in text
    assert "0x1.8000000000000p+0f, -INFINITY, NAN" in array(
        "x", np.array([1.5, -np.inf, np.nan], np.float32), "float"
    )
    names = Names(["taken"])
    assert [names(x) for x in ("a/b", "a.b", "a/b", "float", "1", "taken", "?")] == [
        "a_b", "a_b_2", "a_b", "float_", "n1", "taken_2", "x"
    ]  # fmt: skip
