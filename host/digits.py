"""The digits network on a board, layer by layer, checked against the golden model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.progress import track

from insitu.sim_models import digits

from .arguments import HostError, integer
from .device import Device, Matrix

__all__ = ["Outcome", "load", "run"]

BATCH = 24
"""Most images at a time: what is done is shown after each batch."""


@dataclass(frozen=True)
class Outcome:
    """``exact``: all sums as the golden model has them; ``macs``, ``cycles``: of all products."""

    images: int
    accuracy: float
    exact: bool
    macs: int
    cycles: int
    repeated: int


@dataclass(frozen=True)
class _Layer:
    layer: digits.Layer
    b: Matrix
    bias: Matrix
    options: dict[str, Any]


def _placed(device: Device, network: digits.Network) -> list[_Layer]:
    """Weights, biases and scales in the board's memory."""
    layers = track(network.layers, description="weights to the board")
    return [_place(device, network, layer) for layer in layers]


def _place(device: Device, network: digits.Network, layer: digits.Layer) -> _Layer:
    options: dict[str, Any] = {"a_zero": layer.a_zero if device.board.zero_points else 0}
    if layer.scale is not None:
        zero = layer.c_zero
        options |= {"format": "int8" if network.signed else "uint8"}
        options |= {"scale": device.put(layer.scale), "zero": zero}
        options |= {"low": zero, "high": layer.high}
    b, bias = device.put_weights(layer.b, np.int8), device.put(layer.bias, np.int32)
    return _Layer(layer, b, bias, options)


def load() -> None:
    """The images; ``ImportError`` without scikit-learn, where they are from."""
    digits.images()


def run(device: Device, count: int = 360) -> Outcome:
    """``count`` test images; what a layer writes, the next one reads where it is.

    ``HostError`` if the board's machine cannot run the network.
    """
    count = integer("count", count, 1, 360)
    if not (device.board.zero_points or device.board.either_sign):
        raise HostError("board: must have zero points or unsigned activations for this network")
    network, _ = digits.load(signed=device.board.zero_points)
    _, _, x, y = digits.images()
    x, y = x[:count], y[:count]
    device.clear()
    layers = _placed(device, network)
    kept = device.used
    # Bytes of an image: the first layer's rows, and what each layer writes.
    m, k = network.quantise_images(x[:1]).shape
    size = m * device.stride(k)
    for layer in layers:
        m, k = m * k // layer.b.rows, layer.b.cols
        size += m * device.stride(k * (4 if layer.layer.scale is None else 1))
    batch = min(BATCH, (device.board.memory - kept) // size)
    if not batch:
        raise HostError(f"memory: must hold {kept + size} bytes, not {device.board.memory}")
    macs = cycles = 0
    sums = []
    for first in track(range(0, len(x), batch), description="digits on the board"):
        device.clear(kept)
        kind = np.int8 if network.signed else np.uint8
        values = device.put(network.quantise_images(x[first : first + batch]), kind)
        for n, layer in enumerate(layers):
            if n:
                k = layer.b.rows
                values = values.reshaped(values.rows * values.cols // k, k)
            values = device.gemm(values, layer.b, bias=layer.bias, **layer.options)
            macs += device.counters.macs
            cycles += device.counters.cycles
        sums.append(device.get(values))
    found = np.concatenate(sums)
    expected = network.run(x, digits.golden_gemm)
    return Outcome(
        images=len(x),
        accuracy=digits.accuracy(found, y),
        exact=bool(np.array_equal(found, expected)),
        macs=macs,
        cycles=cycles,
        repeated=device.link.errors,
    )
