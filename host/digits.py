"""The digits network on a board, layer by layer, checked against the golden model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from insitu.hdl.support.progress import progress
from insitu.program.arguments import HostError, integer
from insitu.program.lower import chain
from insitu.program.program import Program
from insitu.program.target import Target
from insitu.sim_models import digits

from .device import Device
from .run import Loaded

__all__ = ["MOST", "Outcome", "load", "run"]

MOST = 24
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


def load() -> None:
    """The images; ``ImportError`` without scikit-learn, where they are from."""
    digits.images()


def _program(target: Target, network: digits.Network, x: digits.Floats) -> Program:
    rows = len(network.quantise_images(x))
    # Close together: a board has little memory.
    return chain(target, network.layers, rows, page=target.bus_bytes)


def run(device: Device, count: int = 360) -> Outcome:
    """``count`` test images, up to :data:`MOST` at a time, as the one program that runs in RTL too.

    Weights are written once, and where the machine has banks for them, loaded once.

    ``HostError`` if the board's machine cannot run the network.
    """
    count = integer("count", count, 1, 360)
    if not (device.board.zero_points or device.board.either_sign):
        raise HostError("board: must have zero points or unsigned activations for this network")
    network, _ = digits.load(signed=device.board.zero_points)
    _, _, x, y = digits.images()
    x, y = x[:count], y[:count]
    device.clear()
    target = device.target
    batch = min(len(x), MOST)
    while (program := _program(target, network, x[:batch])).top > device.board.memory:
        if batch == 1:
            raise HostError(f"memory: must hold {program.top} bytes, not {device.board.memory}")
        batch -= 1
    macs = cycles = 0
    sums: list[NDArray[Any]] = []
    run: Loaded | None = None
    with progress(Console(highlight=False), "digits on the board", len(x)) as work:
        for first in range(0, len(x), batch):
            some = x[first : first + batch]
            if run is None or len(some) < batch:
                device.clear()
                run = device.load(_program(target, network, some))
            sums.append(run.run(x=network.quantise_images(some))["y"][0])
            macs += sum(one.macs for one in run.counters)
            cycles += sum(one.cycles for one in run.counters)
            work.advance(len(some))
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
