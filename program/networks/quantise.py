"""A float model and data it will see, to a model of 8-bit integers: onnxruntime's static quantiser.

Signed activations and weights, the weights per channel: what onnxruntime computes the same on all
CPUs with x86's instructions.
"""

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from insitu.hdl.config import UserError
from insitu.program.arguments import one_line

__all__ = ["quantise"]

OPSET = 13
"""The first in which weights have a scale per channel."""


class _Data(CalibrationDataReader):
    def __init__(self, data: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        self._data = iter(data)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        found = next(self._data, None)
        return None if found is None else dict(found)


def quantise(
    model: str | Path, data: Sequence[Mapping[str, NDArray[Any]]], out: str | Path
) -> None:
    """Write the quantised ``model`` to ``out``.

    Parameters
    ----------
    model : path
        Of a float ONNX model.
    data : sequence of dict
        Inputs by name, as many as there are: the ranges of activations are those seen.
    out : path

    Raises
    ------
    UserError
        If there are no data, or onnxruntime cannot: in one line.
    """
    if not data:
        raise UserError("calibration: must have at least one set of inputs, not none")
    try:
        with TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = logging.root.manager.disable
            logging.disable(logging.WARNING)
            try:
                _quantise(Path(model), data, Path(out), Path(folder))
            finally:
                logging.disable(before)
    except UserError:
        raise
    except Exception as error:  # of many kinds, from three packages
        text = one_line(str(error)) or type(error).__name__
        raise UserError(f"MODEL: {model} cannot be quantised: {text}") from None


def _quantise(
    model: Path, data: Sequence[Mapping[str, NDArray[Any]]], out: Path, folder: Path
) -> None:
    given = onnx.load(model)
    opset = max(one.version for one in given.opset_import if one.domain in ("", "ai.onnx"))
    if opset < OPSET:
        given = onnx.version_converter.convert_version(given, OPSET)
    _without_constant_inputs(given)
    prepared, flat = folder / "given.onnx", folder / "prepared.onnx"
    onnx.save(given, prepared)
    quant_pre_process(str(prepared), str(flat), skip_symbolic_shape=True)
    ready = onnx.load(flat)
    _flatten_biases(ready)
    onnx.save(ready, flat)
    quantize_static(
        str(flat),
        str(out),
        _Data(data),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
    )


def _without_constant_inputs(model: onnx.ModelProto) -> None:
    """Old models list their constants among their inputs, where they could be replaced."""
    constants = {one.name for one in model.graph.initializer}
    kept = [one for one in model.graph.input if one.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.ir_version = max(model.ir_version, 8)  # before 4 they had to


def _flatten_biases(model: onnx.ModelProto) -> None:
    """The quantiser takes a Gemm's bias of [N], not of [1, N]."""
    biases = {
        one.input[2] for one in model.graph.node if one.op_type == "Gemm" and len(one.input) > 2
    }
    for one in model.graph.initializer:
        if one.name in biases and len(one.dims) == 2 and one.dims[0] == 1:
            size = one.dims[1]
            del one.dims[:]
            one.dims.append(size)
