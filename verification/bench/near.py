"""Bench of cores whose weights are beside their multipliers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from insitu.hdl.config import NearConfig

from .banks import BankBench, Ints, Stalls, random_weights

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

    Parameters and attributes as of :class:`~insitu.verification.bench.banks.BankBench`.
    """

    def __init__(self, dut: Any, config: NearConfig, prefix: str = "") -> None:
        super().__init__(dut, config, prefix, a=("a", "bank", "signed", "last"), o=("c", "last"))

    async def check(
        self,
        vectors: Sequence[Vector],
        stalls: Stalls,
        *,
        timed: bool = False,
        sums: Sequence[Ints] | None = None,
    ) -> None:
        """Send ``vectors`` and compare every sum.

        ``sums``: what must come out, if it is not what the banks hold now.
        """
        cycles = self._config.latency - 1 + len(vectors) if timed else None
        sums = [v.a @ self.banks[v.bank] for v in vectors] if sums is None else sums
        await self.compare(vectors, sums, stalls, cycles=cycles)
