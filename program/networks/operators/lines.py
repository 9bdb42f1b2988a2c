"""Convolution over the image as it lies: descriptors for the rows of the kernel, without im2col.

The image is stored as lines of pixels, channels last, with a border of zero points. Pixels of a
line follow each other without gaps, so that the window of an output, in one row of the kernel, is
one stretch of bytes: a row of A. Rows of A overlap. What one row of the kernel gives is added to
what those before gave; where the kernel is dilated along a line, each of its columns is a
descriptor as well.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gather import Gather, Loop
from .product import Lines, Lowered, Output, Spec
from .window import Window

__all__ = ["by_lines"]

Array = NDArray[Any]
WORDS = (8, 4)
"""Bytes of a bus word that strides are made multiples of; the more, the more zeros are stored."""


@dataclass(frozen=True)
class _Image:
    """How the image lies: lines of an image, pixels of a line, and bytes of a pixel."""

    window: Window
    tall: int
    wide: int
    deep: int

    @classmethod
    def of(cls, window: Window, channels: int, word: int, stacked: bool) -> "_Image":
        """For a bus word of ``word`` bytes; ``stacked``: several images, one below the other."""
        down, along = window.stride
        # Both from a row of A to the next and from a column of the kernel to the next.
        steps = [along, *([window.dilation[1]] if window.dilation[1] > 1 else [])]
        deep = channels
        while any(deep * step % word for step in steps):
            deep += 1
        high, wide = (
            (o - 1) * s + d * (k - 1) + 1
            for o, s, d, k in zip(
                window.outputs, window.stride, window.dilation, window.kernel, strict=True
            )
        )
        while wide % along or wide * deep % word:
            wide += 1
        tall = -(-high // down) * down if stacked else high
        return cls(window, tall, wide, deep)

    def stored(self, outer: tuple[int, ...], fill: int) -> Gather:
        """N × C × H × W, ``outer`` being N × C, as N · tall lines of wide · deep bytes, ``fill`` at
        the border."""
        images, _ = outer
        top, left = self.window.before
        loops = (
            Loop.along(images, 4, x0=1), Loop.along(self.tall, 4, x2=1),
            Loop.along(self.wide, 4, x3=1), Loop.along(self.deep, 4, x1=1),
        )  # fmt: skip
        shape = (images * self.tall, self.wide * self.deep)
        return Gather((*outer, *self.window.size), shape, loops, (0, 0, -top, -left), fill)


def by_lines(
    names: tuple[str, str], x: Spec, w: Array, window: Window, zero: tuple[int, int],
    bias: Array | None, output: Output | None,
) -> list[Lowered]:  # fmt: skip
    """Ways to the convolution of one group: for each width of a bus word, all pixels between the
    first and the last output as one A, or a matrix for each line of outputs."""
    if any(pad < 0 for pad in (*window.before, *window.after)):
        return []
    flat = len(window.size) == 1
    if flat:
        window = Window((1, *window.size), (1, *window.kernel), (1, *window.stride),
                        (1, *window.dilation), (0, *window.before), (0, *window.after))  # fmt: skip
        w = w[:, :, None]
    found: dict[tuple[Any, ...], Lowered] = {}
    for word in WORDS:
        image = _Image.of(window, x.shape[1], word, x.shape[0] > 1)
        for by_line in (False, True):
            if by_line or window.stride[0] == 1:
                way = _way(names, x, w, image, by_line, flat, zero, bias, output)
                found.setdefault((way.sizes, way.lines), way)
    return list(found.values())


def _way(
    names: tuple[str, str], x: Spec, w: Array, image: _Image, by_line: bool, flat: bool,
    zero: tuple[int, int], bias: Array | None, output: Output | None,
) -> Lowered:  # fmt: skip
    window, deep, images = image.window, image.deep, x.shape[0]
    channels, inner, high, wide = w.shape
    (lines, pixels), (down, along) = window.outputs, window.stride
    pitch = image.wide * deep
    # Channels that only fill up are zero points of A, whatever B has there.
    kernel = np.zeros((high, wide, deep, channels), w.dtype)
    kernel[:, :, :inner] = w.transpose(2, 3, 1, 0)
    starts = [n * window.dilation[0] * pitch for n in range(high)]
    if window.dilation[1] > 1:
        starts = [start + n * window.dilation[1] * deep for start in starts for n in range(wide)]
        taps = kernel.reshape(high * wide, deep, channels)
    else:
        taps = kernel.reshape(high, wide * deep, channels)
    per_image, per_line = -(-image.tall // down), image.wide // along
    if by_line:
        batch, m = (images - 1) * per_image + lines, pixels
    else:
        batch, m = 1, ((images - 1) * per_image + lines - 1) * per_line + pixels

    # Without what is no output, as N × channels × outputs.
    across = (pixels if by_line else per_line) * channels
    shape = (images, channels, *((pixels,) if flat else (lines, pixels)))
    kept = (
        Loop.along(images, 1, x0=per_image * across), Loop.along(channels, 1, x0=1),
        Loop.along(lines, 1, x0=across), Loop.along(pixels, 1, x0=channels),
    )  # fmt: skip
    arrange = Gather((batch * m * channels,), shape, kept, (0,))

    count = len(taps)
    what = ("kernel row" if count == high else "kernel tap") + ("" if count == 1 else "s")
    return Lowered(
        sizes=(batch, m, channels, taps.shape[1]),
        a_name=names[0],
        gather=image.stored(x.shape[:2], zero[0]),
        b=lambda values: taps,
        b_name=names[1],
        a_key=(names[0], image, zero[0]),
        a_kind=x.kind,
        b_kind=w.dtype,
        a_zero=zero[0],
        b_zero=zero[1],
        bias=bias,
        output=output,
        arrange=arrange,
        macs=images * lines * pixels * channels * inner * high * wide,
        way=f"{count} {what}" + (", by line" if by_line else ""),
        glue="bordered NHWC",
        lines=Lines(images * image.tall, pitch, along * deep, down * pitch, tuple(starts)),
    )
