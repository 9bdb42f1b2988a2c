"""Cocotb test of unpacking: rows of any length, back to back, under stalls."""

import json
import os
import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.streams import StreamDriver, StreamMonitor, stall_bits

BITS, TAKEN, GIVEN = json.loads(os.environ["INSITU_UNPACK"])


def word(elements: list[int]) -> int:
    return sum(e << BITS * n for n, e in enumerate(elements))


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(case=["none", "half", "50", "90"])
async def rows(dut, case):
    start_clock(dut)
    driver = StreamDriver(dut, "i", ("data", "last", "tail", "pad"))
    monitor = StreamMonitor(dut, "o", ("word", "last"))
    rng = random.Random(2)
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    sent, expected = [], []
    for _ in range(60):
        pad = rng.getrandbits(BITS)
        row = [rng.getrandbits(BITS) for _ in range(rng.randint(1, 3 * max(TAKEN, GIVEN)))]
        for n in range(0, len(row), TAKEN):
            part = row[n : n + TAKEN]
            junk = [rng.getrandbits(BITS) for _ in range(TAKEN - len(part))]
            last = int(n + TAKEN >= len(row))
            tail = len(part) if last else rng.randint(0, TAKEN)
            shown = pad if last else rng.getrandbits(BITS)
            sent.append({"data": word(part + junk), "last": last, "tail": tail, "pad": shown})
        for n in range(0, len(row), GIVEN):
            part = row[n : n + GIVEN]
            filled = word(part + [pad] * (GIVEN - len(part)))
            expected.append({"word": filled, "last": int(n + GIVEN >= len(row))})
    watching = cocotb.start_soon(monitor.run(stall_bits(case, 2)))
    begin = cocotb.utils.get_sim_time("ns")
    await driver.send(sent, stall_bits(case, 1))
    for _ in range(100):
        await RisingEdge(dut.clk)
    assert list(monitor.words) == expected
    if case == "none":
        cycles = round((monitor.last_ns - begin) / 10)
        assert cycles <= max(len(sent), len(expected)) + 60, "rate lost"
        if TAKEN == GIVEN:
            assert cycles == len(sent) + 1
    watching.cancel()
