"""Which pixels an output of a convolution is made of."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Node

__all__ = ["Window"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Window:
    """Which pixels each output is made of: per spatial dimension, from the outermost."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @classmethod
    def of(cls, node: Node, size: tuple[int, ...], kernel: tuple[int, ...]) -> "Window":
        """That of a convolution or pooling over pixels of ``size``."""
        given, count = node.attributes, len(size)
        ones, zeros = [1] * count, [0] * (2 * count)
        stride = tuple(given.get("strides", ones))
        dilation = tuple(given.get("dilations", ones))
        auto = given.get("auto_pad", b"NOTSET").decode()
        if auto == "NOTSET":
            pads = list(given.get("pads", zeros))
        elif auto == "VALID":
            pads = zeros
        else:
            # As many outputs as strides fit; an odd pixel goes to the end, or to the beginning.
            pads = [0] * (2 * count)
            for n in range(count):
                reach = dilation[n] * (kernel[n] - 1) + 1
                total = max(0, (-(-size[n] // stride[n]) - 1) * stride[n] + reach - size[n])
                less, more = total // 2, total - total // 2
                pads[n], pads[n + count] = (less, more) if auto == "SAME_UPPER" else (more, less)
        return cls(size, kernel, stride, dilation, tuple(pads[:count]), tuple(pads[count:]))

    @property
    def outputs(self) -> tuple[int, ...]:
        """Outputs per dimension."""
        return tuple(
            (size + before + after - d * (k - 1) - 1) // s + 1
            for size, k, s, d, before, after in zip(
                self.size, self.kernel, self.stride, self.dilation, self.before, self.after,
                strict=True,
            )
        )  # fmt: skip

    def columns(self, x: Array, groups: int, fill: int) -> Array:
        """N × C × pixels as groups × (N · outputs) × (C / groups · taps)."""
        count = len(self.size)
        pads = [(0, 0), (0, 0), *zip(self.before, self.after, strict=True)]
        padded = np.pad(x, pads, constant_values=np.asarray(fill, x.dtype))
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        axes = tuple(range(2, 2 + count))
        views = np.lib.stride_tricks.sliding_window_view(padded, reach, axes)
        steps = tuple(slice(None, None, s) for s in self.stride)
        taps = tuple(slice(None, None, d) for d in self.dilation)
        seen = views[(slice(None), slice(None), *steps, *taps)]
        images, channels = x.shape[:2]
        split = seen.reshape(images, groups, channels // groups, *seen.shape[2:])
        # Groups first, then the outputs, then channel and taps of each.
        order = (1, 0, *range(3, 3 + count), 2, *range(3 + count, 3 + 2 * count))
        rows = images * prod(self.outputs)
        return np.ascontiguousarray(split.transpose(order)).reshape(
            groups, rows, channels // groups * prod(self.kernel)
        )
