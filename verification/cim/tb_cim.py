"""Cocotb tests of the compute-in-memory tile, for every tile in the design under test.

``INSITU_CIMS`` is a JSON list of CimConfig fields; the n-th tile's ports begin with ``u<n>_``.
"""

import json
import os
from functools import partial
from itertools import cycle, product

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge

from insitu.hdl.config.cim import CimConfig
from insitu.verification.bench.banks import CASES
from insitu.verification.bench.banks import stalls as case_stalls
from insitu.verification.bench.cim import CimBench, Vector, random_vector, random_weights
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.streams import stall_bits

TILES = [CimConfig(**fields) for fields in json.loads(os.environ["INSITU_CIMS"])]
SEED = int(os.environ.get("INSITU_SEED", "1"))
stalls = partial(case_stalls, seed=SEED)

each_tile = cocotb.parametrize(n=list(range(len(TILES))))


async def start(dut, n: int, *, fill: bool = True):
    """Bench, configuration and generator of tile ``n``; all banks hold random weights."""
    start_clock(dut)
    if hasattr(dut, "mutsel"):
        dut.mutsel.value = int(os.environ["INSITU_MUTANT"])
    # Inputs of the other tiles of the design stay idle.
    benches = [CimBench(dut, config, f"u{k}_") for k, config in enumerate(TILES)]
    await benches[n].reset()
    rng = np.random.default_rng([SEED, n])
    if fill:
        await benches[n].fill(rng)
    return benches[n], TILES[n], rng


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_tile
@cocotb.parametrize(case=list(CASES))
async def random_vectors(dut, n, case):
    """Vectors of any planes and banks, back to back, under each pattern of stalls."""
    bench, config, rng = await start(dut, n)
    count = 60 if case == "none" else 25
    vectors = [random_vector(config, rng, int(rng.integers(config.banks))) for _ in range(count)]
    await bench.check(vectors, stalls(case), timed=case == "none")


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_tile
async def one_plane_each(dut, n):
    """Vectors of one plane, one per cycle, for longer than the output queue is."""
    bench, config, rng = await start(dut, n)
    vectors = [
        Vector(rng.integers(0, 2, config.rows), k % config.banks, 1, bool(k % 3))
        for k in range(3 * config.queue_depth)
    ]
    await bench.check(vectors, stalls("none"), timed=True)


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_tile
async def fill_and_drain(dut, n):
    """Outputs are left until no vector goes on any more, then a few are taken, and so on."""
    bench, config, rng = await start(dut, n)
    fill = 2 * config.credits + config.latency
    pattern = []
    for taken in (1, 2, 3, config.credits, 1, config.credits + 8):
        pattern += [True] * fill + [False] * taken
    vectors = [
        Vector(rng.integers(0, 2, config.rows), k % config.banks, 1, False)
        for k in range(pattern.count(False))
    ]
    await bench.check(vectors, stalls("none") | {"o": cycle(pattern)})


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_tile
async def waits_at_the_end(dut, n):
    """While no output is taken a vector goes on to its last plane, which alone waits for room.

    The first output is shown, taken or not. Once one is taken the next vector waits, its sums so
    far kept.
    """
    bench, config, rng = await start(dut, n)
    waiting = 8
    vectors = []
    for _ in range(config.credits + 1 + waiting):
        a = rng.integers(0, 1 << config.act_bits, config.rows)
        a[0] = (1 << config.act_bits) - 1  # a one in every plane
        vectors.append(Vector(a, 0, config.act_bits, False))
    cycles = config.act_bits * len(vectors) + config.latency
    one_by_one = [False, *[True] * (2 * config.act_bits + config.latency)] * waiting
    pattern = [True] * cycles + one_by_one + [False] * len(vectors)
    checked = cocotb.start_soon(bench.check(vectors, stalls("none") | {"o": cycle(pattern)}))
    done = 0
    for _ in range(cycles):
        await ReadOnly()
        done += int(getattr(dut, f"u{n}_done").value)
        await RisingEdge(dut.clk)
    assert done < config.act_bits * len(vectors), "all went on"
    assert done % config.act_bits == config.act_bits - 1, f"{done} planes before it waited"
    assert int(getattr(dut, f"u{n}_o_valid").value), "shown only once it is taken"
    await checked


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_tile
async def extremes(dut, n):
    """All operands at either end, for every number of planes, in both signednesses."""
    bench, config, _ = await start(dut, n, fill=False)
    ends = (config.weight.values.lo, config.weight.values.hi)
    for bank, end in enumerate(ends[: config.banks]):
        weights = np.full((config.rows, config.cols), end)
        await bench.write(bank, weights, stall_bits("none", 1))
        vectors = []
        for planes, signed in product(range(1, config.act_bits + 1), (False, True)):
            top = 1 << (planes - 1)
            for value in (0, top, top - 1, 2 * top - 1):
                vectors.append(Vector(np.full(config.rows, value), bank, planes, signed))
        await bench.check(vectors, stalls("none"), timed=True)


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(n=[n for n, config in enumerate(TILES) if config.banks > 1])
async def write_while_computing(dut, n):
    """Each bank is written, a row per cycle, while vectors of the one before are worked on."""
    bench, config, rng = await start(dut, n)
    for step in range(4):
        bank, following = step % config.banks, (step + 1) % config.banks
        vectors = [random_vector(config, rng, bank) for _ in range(12)]
        writing = cocotb.start_soon(
            bench.write(following, random_weights(config, rng), stall_bits("none", 1))
        )
        await bench.check(vectors, stalls("none"))
        await writing


SMALL = [
    n
    for n, config in enumerate(TILES)
    if max(config.weight.bits, config.act_bits) <= 4 and config.rows * config.cols <= 16
]
if SMALL:

    @cocotb.test(timeout_time=40, timeout_unit="ms")
    @cocotb.parametrize(n=SMALL)
    async def all_operands(dut, n):
        """Every cell sees every pair of operands."""
        bench, config, _ = await start(dut, n, fill=False)
        values = np.arange(config.weight.values.lo, config.weight.values.hi + 1)
        steps = np.arange(config.rows)[:, None] * 3 + np.arange(config.cols) * 5
        size = 1 << config.act_bits
        for shift in range(len(values)):
            weights = values[(steps + shift) % len(values)]
            await bench.write(0, weights, stall_bits("none", 1))
            vectors = [
                Vector((np.arange(config.rows) * 7 + k) % size, 0, config.act_bits, signed)
                for k in range(size)
                for signed in (False, True)
            ]
            await bench.check(vectors, stalls("none"), timed=True)


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_tile
async def reset_in_mid_vector(dut, n):
    """After a reset at any moment nothing of before comes out, and the weights are still there."""
    bench, config, rng = await start(dut, n)
    for _ in range(10):
        lost = [random_vector(config, rng, int(rng.integers(config.banks))) for _ in range(8)]
        tasks = bench.start(lost, stalls("random10"))
        await ClockCycles(dut.clk, int(rng.integers(1, 60)))
        for task in tasks:
            task.cancel()
        await bench.reset(1)
        kept = [random_vector(config, rng, int(rng.integers(config.banks))) for _ in range(4)]
        await bench.check(kept, stalls("none"), timed=True)
