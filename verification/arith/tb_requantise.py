"""Cocotb test of the requantiser: an element per cycle, directed and random, against golden."""

from itertools import product
from operator import ne

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from insitu.hdl.arith.requantise import Requantise
from insitu.sim_models import golden
from insitu.verification.bench.clock import start_clock

LIMITS = [(0, -128, 127), (-128, -128, 127), (17, 17, 127), (0, 0, 255), (255, 0, 255), (3, 3, 3)]


def cases(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums and scales: ends, ties, results near the bounds, and anything."""
    ends = np.array([-(2**31), -(2**31) + 1, -2, -1, 0, 1, 2, 3, 2**31 - 2, 2**31 - 1])
    acc = np.where(rng.random(count) < 0.2, rng.choice(ends, count), 0)
    magnitude = rng.integers(0, 32, count)
    acc = np.where(acc == 0, rng.integers(-(2**31), 2**31, count) >> magnitude, acc)
    # Scales that put the result within a few bits of 8.
    near = 2.0 ** rng.integers(-8, 10, count) / np.maximum(1, np.abs(acc.astype(float)))
    anything = 2.0 ** rng.uniform(-126, 127.9, count)
    ties = 2.0 ** rng.integers(-34, 2, count)
    kind = rng.integers(0, 4, count)
    scale = np.choose(kind, [near, near, anything, ties])
    return acc, np.maximum(scale, 2.0**-126).astype(np.float32)


def separating(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Products as near to some k + ½ as binary32 tells apart from it, on both sides of it."""
    half = rng.integers(0, 1 << rng.integers(0, 9, count)) + 0.5
    acc = rng.integers(1, 1 << rng.integers(1, 32, count))
    scale = (half / acc).astype(np.float32)
    steps = rng.integers(-2, 3, count).astype(np.int32)
    scale = (scale.view(np.int32) + steps).view(np.float32)
    return acc * rng.choice([-1, 1], count), scale


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def equals_golden(dut):
    start_clock(dut)
    rng = np.random.default_rng(1)
    dut.rst.value = 0
    told_apart = 0
    for (zero, lo, hi), binary32 in product(LIMITS, (False, True)):
        acc, scale = map(np.concatenate, zip(cases(rng, 2000), separating(rng, 1500), strict=True))
        pairs = [golden.Scale(float(s)) for s in scale]
        expected, otherwise = (
            [
                int(golden.requantise([a], float(s), zero=zero, lo=lo, hi=hi, binary32=rule)[0])
                for a, s in zip(acc, scale, strict=True)
            ]
            for rule in (binary32, not binary32)
        )
        told_apart += sum(map(ne, expected, otherwise))
        dut.zero.value, dut.lo.value, dut.hi.value = zero, lo, hi
        dut.binary32.value = binary32
        got = []
        for n in range(len(acc) + Requantise.LATENCY):
            at = min(n, len(acc) - 1)
            dut.acc.value = int(acc[at])
            dut.multiplier.value = pairs[at].multiplier
            dut.shift.value = pairs[at].shift
            await RisingEdge(dut.clk)
            if n >= Requantise.LATENCY:
                got.append(dut.y.value.to_signed())
        wrong = [n for n in range(len(acc)) if got[n] != expected[n]]
        assert not wrong, [
            (int(acc[n]), float(scale[n]), zero, lo, hi, binary32, got[n], expected[n])
            for n in wrong[:5]
        ]
    assert told_apart > 500, told_apart
