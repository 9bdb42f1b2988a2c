"""Regions of elementwise nodes are 256 bytes; what must not be one is not."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from insitu.machine import Machine
from insitu.program.networks import Network
from insitu.program.networks.compile import specs_of
from insitu.program.networks.graph import graph_of, read
from insitu.program.networks.host import Ort
from insitu.program.networks.models import prepared
from insitu.program.networks.tables import Region, Table, regions

ONE = {
    "s": np.float32(0.05), "t": np.float32(0.01), "z": np.int8(3), "half": np.float32(0.5),
    "wide": np.linspace(0.1, 1, 4, dtype=np.float32), "cube": np.full((1, 1, 1), 2, np.float32),
}  # fmt: skip
MICROSOFT = "com.microsoft"
X = (("x", TensorProto.INT8, (3, 4)),)


def _graph(nodes, outputs, inputs=X):
    made = helper.make_graph(
        [
            helper.make_node(op, names, [y], name=f"{op} {y}", domain=domain)
            for op, names, y, domain in (
                ((*node, "") if len(node) == 3 else node) for node in nodes
            )
        ],
        "g",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in ONE.items()],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(MICROSOFT, 1)]
    return graph_of("g", helper.make_model(made, opset_imports=opsets, ir_version=8))


def _found(nodes, outputs, inputs=X, seed=1):
    """Regions of a graph as source, output and types; each is right on random values."""
    graph = _graph(nodes, outputs, inputs)
    rng = np.random.default_rng(seed)
    given = {
        name: (rng.integers(-128, 127, sizes) if kind != np.float32 else rng.random(sizes))
        .astype(kind)
        for name, (kind, sizes) in graph.inputs.items()
    }  # fmt: skip
    host = Ort(graph)
    values = given | graph.constants | host.all(given)
    found = {}
    for name, maker in regions(graph, specs_of(values)).items():
        if isinstance(maker, Region):
            table = Table(maker, values[maker.source].dtype, host, graph.constants)
            np.testing.assert_array_equal(table.of(values[maker.source]), values[name])
            assert table.of(values[maker.source]).dtype == values[name].dtype
            found[maker.source, name] = [node.op for node in maker.nodes]
    return found


DEQUANTISED = ("DequantizeLinear", ["x", "s", "z"], "f")
SIGMOID = ("Sigmoid", ["f"], "g")


def _quantised(name, y="y"):
    return ("QuantizeLinear", [name, "t", "z"], y)


def test_a_chain():
    nodes = [DEQUANTISED, SIGMOID, ("Mul", ["g", "half"], "h"), _quantised("h")]
    ops = ["DequantizeLinear", "Sigmoid", "Mul", "QuantizeLinear"]
    assert _found(nodes, ["y"]) == {("x", "y"): ops}


def test_both_ways_of_a_fork():
    """x · sigmoid(x) has one input that varies, twice."""
    nodes = [DEQUANTISED, SIGMOID, ("Mul", ["f", "g"], "h"), _quantised("h")]
    assert list(_found(nodes, ["y"])) == [("x", "y")]


def test_as_large_as_can_be():
    """Through a tensor of 8 bits that nothing else needs; where something does, it is a table too,
    from the same source."""
    first = [DEQUANTISED, SIGMOID, _quantised("g", "q")]
    then = [("DequantizeLinear", ["q", "t", "z"], "k"), ("Tanh", ["k"], "l"), _quantised("l")]
    assert list(_found([*first, *then], ["y"])) == [("x", "y")]
    assert list(_found([*first, *then], ["y", "q"])) == [("x", "q"), ("x", "y")]


def test_of_onnxruntimes_own():
    sigmoid = ("QLinearSigmoid", ["x", "s", "z", "t", "z"], "y", MICROSOFT)
    leaky = ("QLinearLeakyRelu", ["x", "s", "z", "t", "z"], "y", MICROSOFT)
    added = ("QLinearAdd", ["x", "s", "z", "z", "s", "z", "t", "z"], "y", MICROSOFT)
    for node in (sigmoid, leaky, added):
        assert list(_found([node], ["y"])) == [("x", "y")]


TWO = (("x", TensorProto.INT8, (3, 4)), ("w", TensorProto.INT8, (3, 4)))


def test_two_inputs_that_vary():
    """Their product is none; what follows it is."""
    nodes = [
        ("QLinearMul", ["x", "s", "z", "w", "s", "z", "t", "z"], "p", MICROSOFT),
        ("DequantizeLinear", ["p", "t", "z"], "f"), SIGMOID, _quantised("g"),
    ]  # fmt: skip
    assert list(_found(nodes, ["y"], TWO)) == [("p", "y")]


@pytest.mark.parametrize(
    "nodes",
    [
        # A constant per column, and one that adds a dimension.
        [DEQUANTISED, ("Mul", ["f", "wide"], "h"), _quantised("h")],
        [DEQUANTISED, ("Mul", ["f", "cube"], "h"), _quantised("h")],
        # Not element by element.
        [DEQUANTISED, ("Softmax", ["f"], "h"), _quantised("h")],
        [DEQUANTISED, ("Transpose", ["f"], "h"), _quantised("h")],
        # No 8 bits at the end.
        [DEQUANTISED, ("Sigmoid", ["f"], "y")],
    ],
)
def test_no_table(nodes):
    assert _found(nodes, ["y"]) == {}


def test_from_floating_point():
    nodes = [("Sigmoid", ["f"], "g"), _quantised("g")]
    assert _found(nodes, ["y"], (("f", TensorProto.FLOAT, (3, 4)),)) == {}


def test_what_is_needed_besides_is_done_besides():
    """Floating point inside a region that another node reads: the nodes run, and the table is."""
    nodes = [DEQUANTISED, SIGMOID, _quantised("g"), ("Softmax", ["g"], "p")]
    graph = _graph(nodes, ["y", "p"])
    assert list(_found(nodes, ["y", "p"])) == [("x", "y")]
    host = Ort(graph)
    given = {"x": np.arange(12, dtype=np.int8).reshape(3, 4)}
    made = regions(graph, specs_of(given | graph.constants | host.all(given)))
    assert {name for name, one in made.items() if not isinstance(one, Region)} == {"f", "g", "p"}


def test_of_a_network():
    """A MobileNet: most of what multiplies nothing is tables, all right, bit for bit."""
    path, inputs = prepared("textline")
    graph = read(path)
    done = Network(graph, Machine("ws-8x8")).run(inputs, check=True)
    assert done.exact
    tables = [row for row in done.rows if row.op.startswith("table (")]
    assert len(tables) >= 25
    assert all((row.where, row.different) == ("host", 0) for row in tables)
    inside = sum(int(row.op.removeprefix("table (").split()[0]) for row in tables)
    rest = [row for row in done.rows if row.where == "host" and row not in tables]
    assert inside > 4 * len(rest)
