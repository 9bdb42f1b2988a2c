"""Operands that units are simulated with: GEMMs of the size that a unit takes at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import Interval, IntFormat, UserError
from insitu.hdl.config.fields import ceil_div
from insitu.program.layers import Dense
from insitu.sim_models import digits

from .names import WORKLOADS
from .simulate import LANES

__all__ = ["HELD", "Job", "Operands", "Shape", "jobs"]

Ints = NDArray[np.int64]
WEIGHTS = IntFormat.parse("int8").values
"""Of the digits network."""
HELD = 64
SPARSE = 0.9
IMAGES = 64


@dataclass(frozen=True)
class Operands:
    """Values that a unit takes: random activations and weights have those of ``a`` and ``b``, or
    are what ``drawn`` makes.

    ``most``: the largest activation, of whatever signedness; those of the digits network, 0…255,
    are halved where it is less.
    """

    a: Interval
    b: Interval
    most: int = 255
    drawn: Callable[[str, np.random.Generator, tuple[int, ...]], Ints] | None = None

    def draw(self, x: str, rng: np.random.Generator, size: tuple[int, ...]) -> Ints:
        """Random operands ``x``, "a" or "b"."""
        if self.drawn is not None:
            return self.drawn(x, rng, size)
        values = {"a": self.a, "b": self.b}[x]
        return rng.integers(values.lo, values.hi + 1, size)

    def check(self, workload: str) -> None:
        """Refuse the digits network where its operands do not fit: ``UserError``."""
        if workload == "digits" and (self.a.bits, self.b) != (8, WEIGHTS):
            raise UserError(
                f"WORKLOAD: digits must have activations of 8 bits and signed weights of 8 bits, "
                f"not of {self.a.lo}…{self.a.hi} and {self.b.lo}…{self.b.hi}"
            )


@dataclass(frozen=True)
class Shape:
    """What a unit takes at once: ``k`` and ``n`` products deep and wide, weights for at least
    ``least`` vectors."""

    k: int
    n: int
    least: int
    operands: Operands


@dataclass(frozen=True)
class Job:
    """``a`` [m][k] times ``b`` [k][n]; of these ``useful`` products per vector are no padding."""

    a: Ints
    b: Ints
    useful: int
    signed: bool

    @property
    def c(self) -> Ints:
        return self.a @ self.b


@cache
def _layers() -> tuple[tuple[Ints, Ints], ...]:
    """Operands of each layer of the digits network for the first test images."""
    network, _ = digits.load(signed=False)
    seen: list[tuple[Ints, Ints]] = []

    def gemm(layer: Dense, a: Ints) -> Ints:
        seen.append((a, layer.b))
        return digits.golden_gemm(layer, a)

    network.run(digits.images()[2][:IMAGES], gemm)
    return tuple(seen)


def _digits(shape: Shape, rng: np.random.Generator) -> Iterator[Job]:
    """Tiles of all layers in a random order, each once, again and again."""
    shape.operands.check("digits")
    layers = _layers()
    places = [
        (n, row, k, col)
        for n, (a, b) in enumerate(layers)
        for row in range(0, len(a), HELD)
        for k in range(0, b.shape[0], shape.k)
        for col in range(0, b.shape[1], shape.n)
    ]
    halve = int(shape.operands.most < 255)
    while True:
        for at in rng.permutation(len(places)):
            n, row, k, col = places[at]
            a = layers[n][0][row : row + HELD, k : k + shape.k] >> halve
            b = layers[n][1][k : k + shape.k, col : col + shape.n]
            padded = np.zeros((HELD, shape.k), np.int64)
            padded[: len(a), : a.shape[1]] = a
            weights = np.zeros((shape.k, shape.n), np.int64)
            weights[: b.shape[0], : b.shape[1]] = b
            yield Job(padded, weights, b.size, signed=False)


def jobs(workload: str, shape: Shape, count: int, seed: int = 1) -> list[list[Job]]:
    """``count`` jobs for each lane; ``UserError`` if there is no such workload."""
    if workload not in WORKLOADS:
        raise UserError(f"WORKLOAD: must be one of {', '.join(WORKLOADS)}, not {workload!r}")
    rng = np.random.default_rng(seed)
    if workload == "digits":
        source = _digits(shape, rng)
        return [[next(source) for _ in range(count)] for _ in range(LANES)]
    m = shape.least if workload in ("random", "zeros") else HELD * ceil_div(shape.least, HELD)
    size = LANES * count
    a = shape.operands.draw("a", rng, (size, m, shape.k))
    b = shape.operands.draw("b", rng, (size, shape.k, shape.n))
    if workload == "zeros":
        a, b = np.zeros_like(a), np.zeros_like(b)
    if workload == "held-sparse":
        a[rng.random(a.shape) < SPARSE] = 0
    made = [
        Job(x, y, shape.k * shape.n, signed=shape.operands.a.signed)
        for x, y in zip(a, b, strict=True)
    ]
    return [made[n * count : (n + 1) * count] for n in range(LANES)]
