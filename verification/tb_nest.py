"""Cocotb test of loop nests against Python's own loops."""

import itertools
import json
import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from .bench.streams import stall_bits

LEVELS, COUNT_BITS, BITS = json.loads(os.environ["INSITU_NEST"])


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(case=["none", "half", "50", "90"])
async def equals_loops(dut, case):
    Clock(dut.clk, 10, unit="ns").start()
    rng = random.Random(3)
    stalls = stall_bits(case, 1)
    dut.start.value, dut.o_ready.value, dut.rst.value = 0, 0, 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    most = min((1 << COUNT_BITS) - 1, 6)
    for number in range(40):
        counts = [rng.randint(1, most) for _ in range(LEVELS)]
        if number % 4 == 0:
            counts[rng.randrange(LEVELS)] = 1
        bases = [rng.getrandbits(b) for b in BITS]
        strides = [[rng.getrandbits(b) for _ in range(LEVELS)] for b in BITS]
        expected = []
        for index in itertools.product(*(range(c) for c in reversed(counts))):
            index = index[::-1]
            values = tuple(
                (base + sum(i * s for i, s in zip(index, row, strict=True))) % (1 << bits)
                for base, row, bits in zip(bases, strides, BITS, strict=True)
            )
            first = sum(all(i == 0 for i in index[: n + 1]) << n for n in range(LEVELS))
            last = sum(
                all(i == c - 1 for i, c in zip(index[: n + 1], counts, strict=False)) << n
                for n in range(LEVELS)
            )
            expected.append((values, first, last))
        dut.count.value = sum(c << COUNT_BITS * n for n, c in enumerate(counts))
        for v, bits in enumerate(BITS):
            getattr(dut, f"base_v{v}").value = bases[v]
            row = sum(s << bits * n for n, s in enumerate(strides[v]))
            getattr(dut, f"stride_v{v}").value = row
        dut.start.value = 1
        await RisingEdge(dut.clk)
        assert dut.ready.value
        dut.start.value = 0
        got: list[tuple] = []
        cycles = 0
        while len(got) < len(expected):
            stalled = next(stalls)
            dut.o_ready.value = not stalled
            await RisingEdge(dut.clk)
            cycles += 1
            assert dut.o_valid.value
            step = (
                tuple(int(getattr(dut, f"o_value_v{v}").value) for v in range(len(BITS))),
                int(dut.o_first.value),
                int(dut.o_last.value),
            )
            assert step == expected[len(got)], (counts, len(got), step, expected[len(got)])
            if not stalled:
                got.append(step)
        if case == "none":
            assert cycles == len(expected)
        dut.o_ready.value = 0
        await RisingEdge(dut.clk)
        assert not dut.o_valid.value
