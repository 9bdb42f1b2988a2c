"""What benches of tiles and cores with banks of weights have in common."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from cocotb.triggers import ClockCycles
from numpy.typing import NDArray

from hdl.config import CimConfig, NearConfig

from .pack import pack_bits, to_ints
from .streams import StreamDriver, StreamMonitor

__all__ = ["BankBench", "Ints", "random_weights"]

Ints = NDArray[np.int64]


def random_weights(config: CimConfig | NearConfig, rng: np.random.Generator) -> Ints:
    """A bank [rows][cols], a quarter of it at the ends of the format."""
    low, high = config.weight.values.lo, config.weight.values.hi
    shape = (config.rows, config.cols)
    values = rng.integers(low, high, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.25, rng.choice([low, high], shape), values)


class BankBench:
    """Resets, writes banks, and holds drivers and monitor of the streams.

    Parameters
    ----------
    dut : cocotb handle
        Has ``clk``, ``rst`` and the flat ports, each with ``prefix`` before its name.
    config : CimConfig or NearConfig
    prefix : str
    a, o : tuple of str
        Fields of the streams of vectors and of sums.

    Attributes
    ----------
    banks : array [banks][rows][cols]
        What was written.
    """

    def __init__(
        self, dut: Any, config: Any, prefix: str, *, a: tuple[str, ...], o: tuple[str, ...]
    ) -> None:
        self._dut, self._config, self._prefix = dut, config, prefix
        self._writer = StreamDriver(dut, f"{prefix}w", ("bank", "row", "w"))
        self._driver = StreamDriver(dut, f"{prefix}a", a)
        self._monitor = StreamMonitor(dut, f"{prefix}o", o)
        self.banks = np.zeros((config.banks, config.rows, config.cols), np.int64)

    async def reset(self, cycles: int = 2) -> None:
        """Reset, with nothing offered meanwhile."""
        self._writer.idle()
        self._driver.idle()
        self._monitor.words.clear()
        self._dut.rst.value = 1
        await ClockCycles(self._dut.clk, cycles)
        self._dut.rst.value = 0

    async def write(self, bank: int, weights: Ints, stalls: Iterator[bool]) -> None:
        """Write all rows of a bank."""
        self.banks[bank] = weights
        rows = to_ints(pack_bits(weights, self._config.weight.bits))
        words = [{"bank": bank, "row": n, "w": row} for n, row in enumerate(rows)]
        await self._writer.send(words, stalls)
