"""What benches of tiles and cores with banks of weights have in common."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time
from numpy.typing import NDArray

from insitu.hdl.config import CimConfig, NearConfig

from .array import CLOCK_NS
from .pack import pack_bits, to_ints
from .streams import StreamDriver, StreamMonitor, stall_bits

__all__ = ["CASES", "BankBench", "Ints", "Stalls", "random_weights", "stalls"]

Ints = NDArray[np.int64]
Stalls = dict[str, Iterator[bool]]
CASES = {
    "none": ("none", "none"),
    "input": ("half", "none"),
    "output": ("none", "long"),
    "random10": ("10", "10"),
    "random50": ("50", "50"),
    "random90": ("90", "90"),
}
"""Patterns by name: when vectors are held back, and when sums are left."""


def stalls(case: str, seed: int) -> Stalls:
    """Of streams ``a`` and ``o``, as :data:`CASES` has them."""
    given, taken = CASES[case]
    return {"a": stall_bits(given, seed), "o": stall_bits(taken, seed + 9)}


def random_weights(config: CimConfig | NearConfig, rng: np.random.Generator) -> Ints:
    """A bank [rows][cols], a quarter of it at the ends of the format."""
    low, high = config.weight.values.lo, config.weight.values.hi
    shape = (config.rows, config.cols)
    values = rng.integers(low, high, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.25, rng.choice([low, high], shape), values)


class BankBench:
    """Resets, writes banks, sends vectors and compares the sums of each.

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
        self._dut, self._config, self._prefix, self._fields = dut, config, prefix, a
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

    async def fill(self, rng: np.random.Generator) -> None:
        """Write random weights to all banks."""
        for bank in range(self._config.banks):
            await self.write(bank, random_weights(self._config, rng), stall_bits("none", 1))

    def words(self, vectors: Sequence[Any]) -> list[dict[str, int]]:
        """What the port sees of ``vectors``: ``a`` packed, the other fields as they are."""
        packed = to_ints(pack_bits([v.a for v in vectors], self._config.act_bits))
        return [
            {name: int(getattr(v, name)) for name in self._fields if name != "a"} | {"a": a}
            for a, v in zip(packed, vectors, strict=True)
        ]

    def start(self, vectors: Sequence[Any], stalls: Stalls) -> list[Any]:
        """Begin to send. Returns the tasks, the monitor's first."""
        monitor = cocotb.start_soon(self._monitor.run(stalls["o"]))
        return [monitor, cocotb.start_soon(self._driver.send(self.words(vectors), stalls["a"]))]

    async def _watch(self, found: list[float]) -> None:
        """Time of the first accepted vector."""
        valid, ready = (getattr(self._dut, f"{self._prefix}a_{n}") for n in ("valid", "ready"))
        while not found:
            await RisingEdge(self._dut.clk)
            if valid.value and ready.value:
                found.append(get_sim_time("ns"))

    async def compare(
        self,
        vectors: Sequence[Any],
        sums: Iterable[Ints],
        stalls: Stalls,
        *,
        planes: int = 1,
        cycles: int | None = None,
    ) -> None:
        """Send ``vectors``, compare every sum, then see that nothing more comes.

        ``planes``: cycles of a vector at most. ``cycles``: from the first vector to the last sums.
        """
        config = self._config
        found: list[float] = []
        watch = cocotb.start_soon(self._watch(found))
        monitor, sender = self.start(vectors, stalls)
        slack = 40 * (len(vectors) * planes + config.latency)
        for n, (v, total) in enumerate(zip(vectors, sums, strict=True)):
            (c,) = to_ints(pack_bits(total[None], config.out.bits))
            while not self._monitor.words:
                await RisingEdge(self._dut.clk)
                slack -= 1
                assert slack > 0, f"no output {n} of {len(vectors)}: it hangs"
            got = self._monitor.words.popleft()
            expected = {"c": c, "last": int(v.last)}
            assert got == expected, f"output {n} of {len(vectors)}: {got}, not {expected}; {v}"
        if cycles is not None:
            took = round((self._monitor.last_ns - found[0]) / CLOCK_NS) + 1
            assert took == cycles, f"{took} cycles, the model says {cycles}"
        assert sender.done(), "vectors are left over"
        await ClockCycles(self._dut.clk, config.latency + 4)
        assert not self._monitor.words, f"{len(self._monitor.words)} outputs too many"
        for task in (monitor, watch):
            task.cancel()
