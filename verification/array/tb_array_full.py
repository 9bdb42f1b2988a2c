"""Cocotb test of the systolic array whose output queue is full to the brim."""

from itertools import cycle

import cocotb

from insitu.sim_models.timing import array_latency
from insitu.verification.array.tb_array import each_array, stalls, start
from insitu.verification.bench.tiles import random_tile


@cocotb.test(timeout_time=10, timeout_unit="ms")
@each_array
async def fill_and_drain(dut, n):
    """Results are left until the array launches no more, then a few are taken, and so on.

    A pause ends after 1, 2, 3 … rows, so that launches go on from every state of the credits, and
    at last after more rows than there is room for: those come in one piece.
    """
    bench, config, rng = await start(dut, n)
    # Long enough for all rows that fit.
    fill = 2 * (config.credits + config.rows) + array_latency(config)
    pattern = []
    for rows in (*range(1, 2 * config.rows + 3), config.credits, 1, config.credits + 8):
        pattern += [True] * fill + [False] * rows
    count = pattern.count(False)
    if config.flow == "os":
        tiles = [random_tile(config, 1, rng) for _ in range(-(-count // config.rows))]
    else:
        tiles = [random_tile(config, count, rng)]
    await bench.check(tiles, stalls(config, "none") | {"o": cycle(pattern)})
