"""A small convolutional network on scikit-learn's handwritten digits, as three int8 GEMMs.

=======  =======================  ====================  ====
layer    what                     M for one image       K×N
=======  =======================  ====================  ====
conv     3×3, 16 channels, ReLU   36 (6×6 positions)    9×16
hidden   dense, ReLU              1                     576×32
classes  dense                    1                     32×10
=======  =======================  ====================  ====

``data/digits.npz`` holds the trained float32 weights and the largest activation of each layer on
the training images. ``python -m insitu.sim_models.train_digits`` made it and makes it again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import Config, UserError
from insitu.program.layers import Dense

from . import golden
from .quantise import quantise, symmetric_scale

__all__ = ["Network", "accuracy", "check", "finish", "float_logits", "im2col", "images", "load"]

WEIGHTS = Path(__file__).parent / "data" / "digits.npz"
TEST_IMAGES = 360
SPLIT_SEED = 2024
KERNEL = 3
PIXEL_MAX = 16.0
LAYERS = ("conv", "hidden", "classes")

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Gemm = Callable[[Dense, Ints], Ints]


@cache
def images() -> tuple[Floats, Ints, Floats, Ints]:
    """Train images, train labels, test images, test labels; images 8×8, pixels 0…16.

    The split is fixed: a seeded permutation, the last 360 images for test.
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    x = pixels[order].reshape(-1, 8, 8).astype(np.float32)
    y = labels[order].astype(np.int64)
    return x[:-TEST_IMAGES], y[:-TEST_IMAGES], x[-TEST_IMAGES:], y[-TEST_IMAGES:]


def im2col(x: NDArray) -> NDArray:
    """Images [n][8][8] to the rows of a GEMM [n·36][9]: each 3×3 neighbourhood, row-major."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (KERNEL, KERNEL), axis=(1, 2))
    return windows.reshape(-1, KERNEL * KERNEL)


def float_logits(weights: dict[str, Floats], x: Floats) -> dict[str, Floats]:
    """Outputs of each layer in float32, ReLU included."""
    conv = np.maximum(im2col(x / PIXEL_MAX) @ weights["conv_w"] + weights["conv_b"], 0)
    flat = conv.reshape(len(x), -1)
    hidden = np.maximum(flat @ weights["hidden_w"] + weights["hidden_b"], 0)
    return {
        "conv": flat,
        "hidden": hidden,
        "classes": hidden @ weights["classes_w"] + weights["classes_b"],
    }


def finish(layer: Dense, acc: Ints) -> Ints:
    """Bias and requantisation of GEMM sums ``acc``; ReLU is the lower bound of the clamp."""
    total = golden.wrap(acc + layer.bias, 32)
    if layer.scale is None:
        return total
    return golden.requantise(total, layer.scale, zero=layer.c_zero, lo=layer.c_zero, hi=layer.high)


@dataclass(frozen=True)
class Network:
    """The quantised network and how to run it."""

    layers: tuple[Dense, ...]
    input_scale: float
    signed: bool

    def quantise_images(self, x: Floats) -> Ints:
        """Images to rows of the first GEMM, 8 bits each."""
        zero = self.layers[0].a_zero
        return im2col(quantise(x, self.input_scale, bits=8, signed=self.signed, zero=zero))

    def run(self, x: Floats, gemm: Gemm) -> Ints:
        """Class sums [n][10] of images ``x``; ``gemm`` computes a layer's sums from its input."""
        values = self.quantise_images(x)
        for layer in self.layers:
            values = values.reshape(-1, layer.b.shape[0])
            values = finish(layer, gemm(layer, values))
        return values


def golden_gemm(layer: Dense, a: Ints) -> Ints:
    """Sums of a layer by the golden model."""
    return golden.gemm(a, layer.b, a_zero=layer.a_zero)


def check(config: Config, *, compact: bool = False) -> None:
    """``UserError`` if ``config`` cannot run the network, on its compact machine if ``compact``."""
    array = config.array if config.machine is None else config.shell.array
    positive = array.zero_points or array.a_either_sign or compact
    if (array.a.bits, array.b.bits) != (8, 8) or not array.b.signed or not positive:
        raise UserError(
            "CONFIG: must have 8-bit operands, and zero points or unsigned activations, for the "
            f"digits network, not {config.name}; `make gemm` runs on any"
        )
    longest = max(layer.b.shape[0] for layer in load()[0].layers)
    if config.small is not None and longest > config.small.k_max:
        raise UserError(
            f"compact.k_max: must allow the digits network's K = {longest}, "
            f"not {config.small.k_max}"
        )
    if longest > array.max_k:
        raise UserError(
            f"acc_bits: must allow the digits network's K = {longest}, "
            f"not {array.acc_bits} (K up to {array.max_k})"
        )


def load(*, signed: bool = True) -> tuple[Network, dict[str, Floats]]:
    """The quantised network, and the float weights it comes from.

    Activations use all of 8 bits, as none is negative: with zero point -128 if ``signed``, else
    with 0. Weights are symmetric int8, one scale per column.
    """
    with np.load(WEIGHTS, allow_pickle=False) as file:
        weights = {name: file[name] for name in file.files}
    zero, steps = -128 if signed else 0, 255.0
    scales = [np.float32(PIXEL_MAX / steps)]
    scales += [np.float32(weights[f"{name}_max"] / steps) for name in LAYERS[:-1]]
    layers = []
    for n, name in enumerate(LAYERS):
        w = weights[f"{name}_w"]
        if n == 0:
            w = w / PIXEL_MAX
        w_scale = symmetric_scale(w, 8, axis=1)
        acc_scale = scales[n].astype(np.float64) * w_scale.astype(np.float64)
        last = n == len(LAYERS) - 1
        if last:
            # One scale for all classes: sums are compared with each other as integers.
            w_scale = np.full_like(w_scale, symmetric_scale(w, 8))
            acc_scale = scales[n].astype(np.float64) * w_scale.astype(np.float64)
        layers.append(
            Dense(
                name=name,
                b=quantise(w, w_scale, bits=8),
                bias=np.rint(weights[f"{name}_b"] / acc_scale).astype(np.int64),
                a_zero=zero,
                scale=None if last else (acc_scale / scales[n + 1]).astype(np.float32),
                c_zero=zero,
            )
        )
    return Network(tuple(layers), float(scales[0]), signed), weights


def accuracy(logits: NDArray, labels: Ints) -> float:
    """Share of rows whose largest entry is the label's."""
    return float(np.mean(np.argmax(logits, axis=1) == labels))
