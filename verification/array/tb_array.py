"""Cocotb tests of the systolic array, for every array in the design under test.

``INSITU_ARRAYS`` is a JSON list of ArrayConfig fields; the n-th array's ports begin with ``u<n>_``.
"""

import json
import os
from itertools import product

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles

from insitu.hdl.config import ArrayConfig
from insitu.verification.bench.array import ArrayBench
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.streams import stall_bits
from insitu.verification.bench.tiles import end_tile, pair_tiles, random_tile

ARRAYS = [ArrayConfig(**fields) for fields in json.loads(os.environ["INSITU_ARRAYS"])]
SEED = int(os.environ.get("INSITU_SEED", "1"))

# Input and output pattern of each stall test.
STALL_CASES = {
    "none": ("none", "none"),
    "input": ("half", "none"),
    "output": ("none", "long"),
    "both": ("half", "half"),
    "random10": ("10", "10"),
    "random50": ("50", "50"),
    "random90": ("90", "90"),
}

each_array = cocotb.parametrize(n=list(range(len(ARRAYS))))


def stalls(config: ArrayConfig, case: str) -> dict:
    inputs, output = STALL_CASES[case]
    names = ("i",) if config.flow == "os" else ("w", "a")
    patterns = {name: stall_bits(inputs, SEED + k) for k, name in enumerate(names)}
    return patterns | {"o": stall_bits(output, SEED + 9)}


async def start(dut, n: int) -> tuple[ArrayBench, ArrayConfig, np.random.Generator]:
    start_clock(dut)
    if hasattr(dut, "mutsel"):
        dut.mutsel.value = int(os.environ["INSITU_MUTANT"])
    # Inputs of the other arrays of the design stay idle.
    benches = [ArrayBench(dut, config, f"u{k}_") for k, config in enumerate(ARRAYS)]
    await benches[n].reset()
    return benches[n], ARRAYS[n], np.random.default_rng([SEED, n])


@cocotb.test(timeout_time=10, timeout_unit="ms")
@each_array
@cocotb.parametrize(case=list(STALL_CASES))
async def random_tiles(dut, n, case):
    """Tiles of 1 to 40 beats in random order, back to back, under each pattern of stalls."""
    bench, config, rng = await start(dut, n)
    sizes = rng.permutation(np.arange(1, 41))
    if case != "none":
        sizes = sizes[:8]
    tiles = [random_tile(config, int(beats), rng) for beats in sizes]
    await bench.check(tiles, stalls(config, case), timed=case == "none")


@cocotb.test(timeout_time=10, timeout_unit="ms")
@each_array
async def equal_tiles(dut, n):
    """Throughput and latency equal the model at its corners; one has a weight set per vector."""
    bench, config, rng = await start(dut, n)
    for beats in sorted({1, 2, max(1, config.rows - 1), config.rows, config.rows + 1}):
        tiles = [random_tile(config, beats, rng) for _ in range(6)]
        await bench.check(tiles, stalls(config, "none"), timed=True)


@cocotb.test(timeout_time=10, timeout_unit="ms")
@each_array
async def extremes(dut, n):
    """Every operand at either end, in either signedness, K as large as allowed (or 300 beats)."""
    bench, config, _ = await start(dut, n)
    longest = min(config.max_k // config.dot, 300) if config.flow == "os" else config.rows
    tiles = [
        end_tile(config, longest, signs, ends)
        for signs in product((False, True), repeat=2)
        for ends in product((False, True), repeat=2)
    ]
    await bench.check(tiles, stalls(config, "none"), timed=True)


# Arrays whose operands are few enough to try every pair.
SMALL = [n for n, config in enumerate(ARRAYS) if max(config.a.bits, config.b.bits) <= 4]
if SMALL:

    @cocotb.test(timeout_time=10, timeout_unit="ms")
    @cocotb.parametrize(n=SMALL)
    async def all_operands(dut, n):
        """Every multiplier sees every pair of elements, under zero points 0, lowest and highest."""
        bench, config, _ = await start(dut, n)
        a_zeros, b_zeros = (
            (0, fmt.values.lo, fmt.values.hi) if config.zero_points else (0,)
            for fmt in (config.a, config.b)
        )
        tiles = []
        for a_zero, b_zero in product(a_zeros, b_zeros):
            tiles += pair_tiles(config, a_zero, b_zero)
        await bench.check(tiles, stalls(config, "none"), timed=True)


@cocotb.test(timeout_time=10, timeout_unit="ms")
@each_array
async def reset_in_mid_tile(dut, n):
    """After a reset at any moment nothing of before comes out and the next tiles are right."""
    bench, config, rng = await start(dut, n)
    for _ in range(12):
        lost = [random_tile(config, int(rng.integers(1, 20)), rng) for _ in range(4)]
        tasks = await bench.start(lost, stalls(config, "random10"))
        await ClockCycles(dut.clk, int(rng.integers(1, 60)))
        for task in tasks:
            task.cancel()
        await bench.reset(1)
        kept = [random_tile(config, int(rng.integers(1, 20)), rng) for _ in range(3)]
        await bench.check(kept, stalls(config, "none"), timed=True)
