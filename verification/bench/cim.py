"""Bench of the compute-in-memory tile: weights, vectors, and what must come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from insitu.hdl.config.cim import CimConfig
from insitu.sim_models import cim

from .banks import BankBench, Ints, Stalls, random_weights

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

    Parameters and attributes as of :class:`~insitu.verification.bench.banks.BankBench`.
    """

    def __init__(self, dut: Any, config: CimConfig, prefix: str = "") -> None:
        super().__init__(
            dut,
            config,
            prefix,
            a=("a", "bank", "planes", "signed", "last", "tag"),
            o=("c", "last"),
        )

    async def _count(self, counts: dict[str, list[int]]) -> None:
        """Planes done and skipped, by tag."""
        counted = {
            name: [getattr(self._dut, f"{self._prefix}{name}{of}") for of in ("", "_tag")]
            for name in counts
        }
        while True:
            await RisingEdge(self._dut.clk)
            for name, (amount, tag) in counted.items():
                if int(amount.value):
                    counts[name][int(tag.value)] += int(amount.value)

    def _sums(self, v: Vector) -> Ints:
        sums = cim.bit_serial(self._config, v.a, self.banks[v.bank], v.planes, v.signed)
        if not self._config.adc_bits:
            exact = cim.product(self._config, v.a, self.banks[v.bank], v.planes, v.signed)
            assert np.array_equal(sums, exact)
        return sums

    async def check(
        self, vectors: Sequence[Vector], stalls: Stalls, *, timed: bool = False
    ) -> None:
        """Send ``vectors``, compare every sum and count."""
        config = self._config
        counts = {"done": [0, 0], "skipped": [0, 0]}
        counting = cocotb.start_soon(self._count(counts))
        cycles = cim.tile_cycles(config, [(v.a, v.planes) for v in vectors]) if timed else None
        # One at a time: the banks that later vectors meet may be written meanwhile.
        sums = (self._sums(v) for v in vectors)
        await self.compare(vectors, sums, stalls, planes=config.act_bits, cycles=cycles)
        expected = {"done": [0, 0], "skipped": [0, 0]}
        for v in vectors:
            done = cim.planes_done(config, v.a, v.planes)
            expected["done"][v.tag] += done
            expected["skipped"][v.tag] += v.planes - done
        assert counts == expected
        counting.cancel()
