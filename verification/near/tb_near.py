"""Cocotb tests of cores whose weights are beside their multipliers, for each in the design.

``INSITU_NEAR`` is a JSON list of kind and fields; the n-th core's ports begin with ``u<n>_``.
"""

import json
import os
from functools import partial
from itertools import cycle

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles

from insitu.hdl.config import InbankConfig, MeshConfig
from insitu.verification.bench.banks import CASES
from insitu.verification.bench.banks import stalls as case_stalls
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.near import NearBench, Vector, random_vector, random_weights
from insitu.verification.bench.streams import stall_bits

KINDS = {"mesh": MeshConfig, "inbank": InbankConfig}
CORES = [KINDS[kind](**fields) for kind, fields in json.loads(os.environ["INSITU_NEAR"])]
SEED = int(os.environ.get("INSITU_SEED", "1"))
stalls = partial(case_stalls, seed=SEED)

each_core = cocotb.parametrize(n=list(range(len(CORES))))


async def start(dut, n: int, *, fill: bool = True):
    """Bench, configuration and generator of core ``n``; all banks hold random weights."""
    start_clock(dut)
    # Inputs of the other cores of the design stay idle.
    benches = [NearBench(dut, config, f"u{k}_") for k, config in enumerate(CORES)]
    await benches[n].reset()
    rng = np.random.default_rng([SEED, n])
    if fill:
        await benches[n].fill(rng)
    return benches[n], CORES[n], rng


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_core
@cocotb.parametrize(case=list(CASES))
async def random_vectors(dut, n, case):
    """Vectors of any bank and signedness, back to back, under each pattern of stalls.

    Unstalled a vector per cycle, for longer than the output queue is.
    """
    bench, config, rng = await start(dut, n)
    count = 3 * config.queue_depth if case == "none" else 25
    vectors = [random_vector(config, rng, int(rng.integers(config.banks))) for _ in range(count)]
    await bench.check(vectors, stalls(case), timed=case == "none")


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_core
async def fill_and_drain(dut, n):
    """Outputs are left until no vector goes on any more, then a few are taken, and so on."""
    bench, config, rng = await start(dut, n)
    fill = 2 * config.credits + config.latency
    pattern = []
    for taken in (1, 2, 3, config.credits, 1, config.credits + 8):
        pattern += [True] * fill + [False] * taken
    vectors = [random_vector(config, rng, k % config.banks) for k in range(pattern.count(False))]
    await bench.check(vectors, stalls("none") | {"o": cycle(pattern)})


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_core
async def extremes(dut, n):
    """All operands at either end, in both signednesses."""
    bench, config, _ = await start(dut, n, fill=False)
    ends = (config.weight.values.lo, config.weight.values.hi)
    top = 1 << (config.act_bits - 1)
    for bank, end in enumerate(ends):
        bank %= config.banks
        weights = np.full((config.rows, config.cols), end)
        await bench.write(bank, weights, stall_bits("none", 1))
        vectors = [Vector(np.full(config.rows, x), bank, True) for x in (-top, -1, 0, top - 1)]
        vectors += [Vector(np.full(config.rows, x), bank, False) for x in (0, top, 2 * top - 1)]
        await bench.check(vectors, stalls("none"), timed=True)


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_core
async def every_weight(dut, n):
    """One activation at a time shows each row of weights, of every bank."""
    bench, config, _ = await start(dut, n)
    vectors = [
        Vector(np.eye(config.rows, dtype=np.int64)[row], bank, False)
        for bank in range(config.banks)
        for row in range(config.rows)
    ]
    await bench.check(vectors, stalls("none"), timed=True)


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_core
async def write_while_computing(dut, n):
    """Rows of the bank that is used are written in the very cycles in which vectors are taken.

    A vector sees the rows of earlier cycles and no others.
    """
    bench, config, rng = await start(dut, n)
    for bank in {0, config.banks - 1}:
        held = bench.banks[bank].copy()
        vectors, sums = [], []
        fresh = random_weights(config, rng)
        for row in range(config.rows):
            vectors.append(random_vector(config, rng, bank))
            sums.append(vectors[-1].a @ held)
            held[row] = fresh[row]
        vectors.append(random_vector(config, rng, bank))
        sums.append(vectors[-1].a @ held)
        # Room in the queue, so that vector and row of a step are taken in the same cycle.
        writing = cocotb.start_soon(bench.write(bank, fresh, stall_bits("none", 1)))
        await bench.check(vectors, stalls("none"), timed=True, sums=sums)
        await writing


@cocotb.test(timeout_time=20, timeout_unit="ms")
@each_core
async def resets(dut, n):
    """After a reset at any moment nothing of before comes out, and the weights are still there."""
    bench, config, rng = await start(dut, n)
    await ClockCycles(dut.clk, config.latency)  # rows that are still on their way would be lost
    for _ in range(8):
        lost = [random_vector(config, rng, int(rng.integers(config.banks))) for _ in range(8)]
        tasks = bench.start(lost, stalls("random10"))
        await ClockCycles(dut.clk, int(rng.integers(1, 60)))
        for task in tasks:
            task.cancel()
        await bench.reset(1)
        kept = [random_vector(config, rng, int(rng.integers(config.banks))) for _ in range(4)]
        await bench.check(kept, stalls("none"))
