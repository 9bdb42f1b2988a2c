"""Which pixels an output of a convolution is made of."""

from dataclasses import dataclass
from math import prod

from ..graph import Node
from .gather import Gather, Loop

__all__ = ["Window"]


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

    def columns(self, outer: tuple[int, ...], groups: int, fill: int) -> Gather:
        """N × C × pixels as groups × (N · outputs) × (C / groups · taps); ``outer``: N × C."""
        images, channels = outer
        each, dims = channels // groups, 2 + len(self.size)

        def pixels(counts: tuple[int, ...], steps: tuple[int, ...]) -> list[Loop]:
            return [
                Loop.along(count, dims, **{f"x{2 + n}": step})
                for n, (count, step) in enumerate(zip(counts, steps, strict=True))
            ]

        # Groups first, then the outputs, then channel and taps of each.
        loops = [Loop.along(groups, dims, x1=each), Loop.along(images, dims, x0=1)]
        loops += pixels(self.outputs, self.stride)
        loops += [Loop.along(each, dims, x1=1), *pixels(self.kernel, self.dilation)]
        shape = groups, images * prod(self.outputs), each * prod(self.kernel)
        start = (0, 0, *(-before for before in self.before))
        return Gather((*outer, *self.size), shape, tuple(loops), start, fill)
