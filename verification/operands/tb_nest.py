"""Cocotb test of loop nests against Python's own loops."""

import itertools
import json
import os
import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.streams import StreamDriver, stall_bits

LEVELS, COUNT_BITS, BITS = json.loads(os.environ["INSITU_NEST"])


def steps(counts: list[int], strides: list[list[int]]) -> list[tuple]:
    """What a nest must give: its values, and which levels are in their first or last iteration."""
    expected = []
    for index in itertools.product(*(range(c) for c in reversed(counts))):
        index = index[::-1]
        values = tuple(
            sum(i * s for i, s in zip(index, row, strict=True)) % (1 << bits)
            for row, bits in zip(strides, BITS, strict=True)
        )
        first = sum(all(i == 0 for i in index[: n + 1]) << n for n in range(LEVELS))
        last = sum(
            all(i == c - 1 for i, c in zip(index[: n + 1], counts, strict=False)) << n
            for n in range(LEVELS)
        )
        expected.append((values, first, last))
    return expected


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(case=["none", "half", "50", "90"], pauses=["none", "50"])
async def equals_loops(dut, case, pauses):
    """Nests follow each other without a gap, unless they are late."""
    start_clock(dut)
    rng = random.Random(3)
    stalls = stall_bits(case, 1)
    fields = ["less", "once", "twice", *(f"stride_v{n}" for n in range(len(BITS)))]
    driver = StreamDriver(dut, "i", fields)
    dut.o_ready.value, dut.rst.value = 0, 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    most = min((1 << COUNT_BITS) - 1, 6)
    words, expected = [], []
    for number in range(60):
        counts = [rng.randint(1, most) for _ in range(LEVELS)]
        if number % 4 == 0:
            counts[rng.randrange(LEVELS)] = 1
        if number % 10 in (1, 2):
            counts = [1] * LEVELS
        strides = [[rng.getrandbits(b) for _ in range(LEVELS)] for b in BITS]
        word = {"less": sum((c - 1) << COUNT_BITS * n for n, c in enumerate(counts))}
        for field, count in (("once", 1), ("twice", 2)):
            word[field] = sum((c == count) << n for n, c in enumerate(counts))
        for v, bits in enumerate(BITS):
            word[f"stride_v{v}"] = sum(s << bits * n for n, s in enumerate(strides[v]))
        words.append(word)
        expected += steps(counts, strides)
    sender = cocotb.start_soon(driver.send(words, stall_bits(pauses, 5)))
    got: list[tuple] = []
    shown: int | None = None
    cycles = 0
    while len(got) < len(expected):
        stalled = next(stalls)
        dut.o_ready.value = not stalled
        await RisingEdge(dut.clk)
        cycles += 1
        assert cycles < 40 * len(expected), "hangs"
        # Values are those of the step shown in the cycle before.
        if shown is not None:
            values = tuple(int(getattr(dut, f"value_v{v}").value) for v in range(len(BITS)))
            assert values == expected[shown][0], (shown, values, expected[shown])
        shown = None
        if not dut.o_valid.value:
            continue
        step = (int(dut.o_first.value), int(dut.o_last.value))
        assert step == expected[len(got)][1:], (len(got), step, expected[len(got)])
        shown = len(got)
        if not stalled:
            got.append(step)
    if case == pauses == "none":
        assert cycles == len(expected) + 1
    assert sender.done(), "nests are left over"
    for _ in range(4):
        await RisingEdge(dut.clk)
        assert not dut.o_valid.value
