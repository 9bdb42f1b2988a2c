"""Small networks of random constants."""

import numpy as np

from insitu.hdl.config import MachineConfig
from insitu.program.layers import Dense
from insitu.program.lower import chain
from insitu.program.program import Program
from insitu.program.target import Target

__all__ = ["layers", "two_layers"]


def layers(sizes: list[int], zero: int, seed: int = 1) -> list[Dense]:
    """Layers of these widths, of the last one the sums; ``zero``: of all activations."""
    rng = np.random.default_rng(seed)
    return [
        Dense(
            name=f"layer {n}",
            b=rng.integers(-128, 128, (k, width)),
            bias=rng.integers(-500, 500, width),
            a_zero=zero,
            scale=None if n == len(sizes) - 2 else rng.uniform(1e-3, 1e-2, width).astype("f4"),
            c_zero=zero,
        )
        for n, (k, width) in enumerate(zip(sizes, sizes[1:], strict=False))
    ]


def two_layers(shell: MachineConfig) -> Program:
    """The second reads what the first writes; six rows of eight."""
    return chain(Target.of_shell(shell), layers([8, 8, 5], -128), 6, base=4096)
