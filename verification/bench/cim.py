"""Bench of the compute-in-memory tile: weights, vectors, and what must come out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time

from hdl.config.cim import CimConfig
from sim_models import cim

from .array import CLOCK_NS
from .banks import BankBench, Ints, random_weights
from .pack import pack_bits, to_ints

__all__ = ["CimBench", "Vector", "random_vector", "random_weights"]


@dataclass
class Vector:
    """Patterns of bits ``a`` [rows], of which the lowest ``planes`` count."""

    a: Ints
    bank: int
    planes: int
    signed: bool
    last: bool = False
    tag: bool = False


def random_vector(config: CimConfig, rng: np.random.Generator, bank: int) -> Vector:
    """Dense, sparse or with empty planes; bits beyond its planes, perhaps all, are garbage."""
    planes = int(rng.integers(0, config.act_bits, endpoint=True))
    a = rng.integers(0, 1 << config.act_bits, config.rows)
    kind = rng.integers(4)
    if kind == 1:
        a = np.where(rng.random(config.rows) < 0.8, 0, a)
    if kind == 2:
        a &= int(rng.integers(0, 1 << config.act_bits))
    if kind == 3 and rng.random() < 0.3:
        a = a * 0
    signed, last, tag = (bool(x) for x in rng.integers(0, 2, 3))
    return Vector(a, bank, planes, signed, last, tag)


class CimBench(BankBench):
    """Writes banks, sends vectors, checks every sum, every count and, unstalled, every cycle.

    Parameters and attributes as of :class:`~verification.bench.banks.BankBench`.
    """

    def __init__(self, dut: Any, config: CimConfig, prefix: str = "") -> None:
        super().__init__(
            dut,
            config,
            prefix,
            a=("a", "bank", "planes", "signed", "last", "tag"),
            o=("c", "last"),
        )

    def start(self, vectors: Sequence[Vector], stalls: dict[str, Iterator[bool]]) -> list[Any]:
        """Begin to send; ``stalls`` of "a" and "o". Returns the tasks, the monitor's first."""
        packed = to_ints(pack_bits([v.a for v in vectors], self._config.act_bits))
        words = [
            {"a": a, "bank": v.bank, "planes": v.planes, "signed": int(v.signed),
             "last": int(v.last), "tag": int(v.tag)}
            for a, v in zip(packed, vectors, strict=True)
        ]  # fmt: skip
        monitor = cocotb.start_soon(self._monitor.run(stalls["o"]))
        return [monitor, cocotb.start_soon(self._driver.send(words, stalls["a"]))]

    async def _watch(self, found: dict[str, float], counts: dict[str, list[int]]) -> None:
        """Time of the first accepted vector; planes done and skipped, by tag."""
        valid, ready = (getattr(self._dut, self._prefix + n) for n in ("a_valid", "a_ready"))
        counted = {
            name: [getattr(self._dut, f"{self._prefix}{name}{of}") for of in ("", "_tag")]
            for name in counts
        }
        while True:
            await RisingEdge(self._dut.clk)
            if not found["first"] and valid.value and ready.value:
                found["first"] = get_sim_time("ns")
            for name, (amount, tag) in counted.items():
                if int(amount.value):
                    counts[name][int(tag.value)] += int(amount.value)

    async def check(
        self, vectors: Sequence[Vector], stalls: dict[str, Iterator[bool]], *, timed: bool = False
    ) -> None:
        """Send ``vectors``, compare every sum and count, then see that nothing more comes."""
        config = self._config
        found = {"first": 0.0}
        counts = {"done": [0, 0], "skipped": [0, 0]}
        watch = cocotb.start_soon(self._watch(found, counts))
        monitor, sender = self.start(vectors, stalls)
        slack = 40 * (len(vectors) * config.act_bits + config.latency)
        for n, v in enumerate(vectors):
            sums = cim.bit_serial(config, v.a, self.banks[v.bank], v.planes, v.signed)
            if not config.adc_bits:
                exact = cim.product(config, v.a, self.banks[v.bank], v.planes, v.signed)
                assert np.array_equal(sums, exact)
            (c,) = to_ints(pack_bits(sums[None], config.out.bits))
            while not self._monitor.words:
                await RisingEdge(self._dut.clk)
                slack -= 1
                assert slack > 0, f"no output {n} of {len(vectors)}: the tile hangs"
            got = self._monitor.words.popleft()
            expected = {"c": c, "last": int(v.last)}
            assert got == expected, f"output {n} of {len(vectors)}: {got}, not {expected}; {v}"
        if timed:
            cycles = round((self._monitor.last_ns - found["first"]) / CLOCK_NS) + 1
            model = cim.tile_cycles(config, [(v.a, v.planes) for v in vectors])
            assert cycles == model, f"{cycles} cycles, the model says {model}"
        assert sender.done(), "vectors are left over"
        await ClockCycles(self._dut.clk, config.latency + 4)
        assert not self._monitor.words, f"{len(self._monitor.words)} outputs too many"
        expected_counts = {"done": [0, 0], "skipped": [0, 0]}
        for v in vectors:
            done = cim.planes_done(config, v.a, v.planes)
            expected_counts["done"][v.tag] += done
            expected_counts["skipped"][v.tag] += v.planes - done
        assert counts == expected_counts
        for task in (monitor, watch):
            task.cancel()
