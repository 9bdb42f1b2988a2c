"""The network of ``make sim`` as an ONNX model in floating point, and the images it is for."""

from importlib import import_module
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

__all__ = ["INPUT", "drawn", "model", "tested"]

Arrays = dict[str, NDArray[Any]]
INPUT = "image"
OPSET = 13


def _digits() -> Any:
    # By name, as models import programs and not the other way round.
    return import_module("insitu.sim_models.digits")


def model() -> onnx.ModelProto:
    """For any number of images of 8 × 8, pixels 0 to 16."""
    digits = _digits()
    _, weights = digits.load()
    constants: Arrays = {
        "kernel": weights["conv_w"].T.reshape(-1, 1, digits.KERNEL, digits.KERNEL),
        "most": np.array(digits.PIXEL_MAX, np.float32),
        **{name: weights[name] for name in weights if name[-2:] in ("_b", "_w")},
    }
    del constants["conv_w"]
    nodes = [
        helper.make_node("Div", [INPUT, "most"], ["pixels"], name="pixels"),
        helper.make_node("Conv", ["pixels", "kernel", "conv_b"], ["sums"], name="conv"),
        helper.make_node("Relu", ["sums"], ["maps"], name="maps"),
        # The dense layer takes the channels of a pixel side by side.
        helper.make_node("Transpose", ["maps"], ["turned"], name="turned", perm=[0, 2, 3, 1]),
        helper.make_node("Flatten", ["turned"], ["flat"], name="flat"),
        helper.make_node("Gemm", ["flat", "hidden_w", "hidden_b"], ["dense"], name="hidden"),
        helper.make_node("Relu", ["dense"], ["features"], name="features"),
        helper.make_node(
            "Gemm", ["features", "classes_w", "classes_b"], ["classes"], name="classes"
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["images", 1, 8, 8])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["images", 10])],
        [onnx.numpy_helper.from_array(v, name) for name, v in constants.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def drawn(rng: np.random.Generator) -> Arrays:
    """Forty of the images that the network was trained on."""
    x, _, _, _ = _digits().images()
    return {INPUT: x[rng.integers(len(x), size=40)][:, None]}


def tested() -> tuple[Arrays, NDArray[np.int64]]:
    """All test images, and which digit each is."""
    _, _, x, y = _digits().images()
    return {INPUT: x[:, None]}, y
