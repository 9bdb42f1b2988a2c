"""Bench of cores whose weights are beside their multipliers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time

from hdl.config import NearConfig

from .array import CLOCK_NS
from .banks import BankBench, Ints, random_weights
from .pack import pack_bits, to_ints

__all__ = ["NearBench", "Vector", "random_vector", "random_weights"]


@dataclass
class Vector:
    """Activations ``a`` [rows] as numbers, in the range of their signedness."""

    a: Ints
    bank: int
    signed: bool
    last: bool = False


def random_vector(config: NearConfig, rng: np.random.Generator, bank: int) -> Vector:
    """A quarter of the activations at the ends of their range."""
    signed = bool(rng.integers(2))
    low = -1 << (config.act_bits - 1) if signed else 0
    high = (1 << (config.act_bits - signed)) - 1
    a = rng.integers(low, high, config.rows, endpoint=True)
    a = np.where(rng.random(config.rows) < 0.25, rng.choice([low, high], config.rows), a)
    return Vector(a, bank, signed, bool(rng.integers(2)))


class NearBench(BankBench):
    """Writes banks, sends vectors, checks every sum and, unstalled, every cycle.

    Parameters and attributes as of :class:`~verification.bench.banks.BankBench`.
    """

    def __init__(self, dut: Any, config: NearConfig, prefix: str = "") -> None:
        super().__init__(dut, config, prefix, a=("a", "bank", "signed", "last"), o=("c", "last"))

    def words(self, vectors: Sequence[Vector]) -> list[dict[str, int]]:
        """What the port sees of ``vectors``."""
        packed = to_ints(pack_bits([v.a for v in vectors], self._config.act_bits))
        return [
            {"a": a, "bank": v.bank, "signed": int(v.signed), "last": int(v.last)}
            for a, v in zip(packed, vectors, strict=True)
        ]

    def start(self, vectors: Sequence[Vector], stalls: dict[str, Iterator[bool]]) -> list[Any]:
        """Begin to send; ``stalls`` of "a" and "o". Returns the tasks, the monitor's first."""
        monitor = cocotb.start_soon(self._monitor.run(stalls["o"]))
        return [monitor, cocotb.start_soon(self._driver.send(self.words(vectors), stalls["a"]))]

    async def _watch(self, found: dict[str, float]) -> None:
        """Time of the first accepted vector."""
        valid, ready = (getattr(self._dut, f"{self._prefix}a_{n}") for n in ("valid", "ready"))
        while not found["first"]:
            await RisingEdge(self._dut.clk)
            if valid.value and ready.value:
                found["first"] = get_sim_time("ns")

    async def check(
        self,
        vectors: Sequence[Vector],
        stalls: dict[str, Iterator[bool]],
        *,
        timed: bool = False,
        sums: Sequence[Ints] | None = None,
    ) -> None:
        """Send ``vectors``, compare every sum, then see that nothing more comes.

        ``sums``: what must come out, if it is not what the banks hold now.
        """
        config = self._config
        found = {"first": 0.0}
        watch = cocotb.start_soon(self._watch(found))
        monitor, sender = self.start(vectors, stalls)
        slack = 40 * (len(vectors) + config.latency)
        for n, v in enumerate(vectors):
            total = v.a @ self.banks[v.bank] if sums is None else sums[n]
            (c,) = to_ints(pack_bits(total[None], config.out.bits))
            while not self._monitor.words:
                await RisingEdge(self._dut.clk)
                slack -= 1
                assert slack > 0, f"no output {n} of {len(vectors)}: the core hangs"
            got = self._monitor.words.popleft()
            expected = {"c": c, "last": int(v.last)}
            assert got == expected, f"output {n} of {len(vectors)}: {got}, not {expected}; {v}"
        if timed:
            cycles = round((self._monitor.last_ns - found["first"]) / CLOCK_NS) + 1
            model = config.latency - 1 + len(vectors)
            assert cycles == model, f"{cycles} cycles, the model says {model}"
        assert sender.done(), "vectors are left over"
        await ClockCycles(self._dut.clk, config.latency + 4)
        assert not self._monitor.words, f"{len(self._monitor.words)} outputs too many"
        for task in (monitor, watch):
            task.cancel()
