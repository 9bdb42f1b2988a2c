"""Cocotb side of a run on the reference memory: clock, reset, and a bounded wait for its end."""

import os
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer

from insitu.verification.bench.clock import start_clock

CLOCK_NS = 10
TRACED = os.environ.get("INSITU_TRACE", "").split()  # signals to record in every cycle
BUDGET = int(os.environ["INSITU_BUDGET"])  # cycles after which the run counts as hung


async def trace(dut):
    signals = [getattr(dut, name) for name in TRACED]
    with open("trace.txt", "w", encoding="utf-8") as file:
        while True:
            await RisingEdge(dut.clk)
            file.write(" ".join(str(int(x.value)) for x in (dut.now, *signals)) + "\n")


@cocotb.test()
async def play(dut):
    start_clock(dut)
    dut.save.value, dut.rst.value = 0, 1
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    if TRACED:
        cocotb.start_soon(trace(dut))
    expired = Timer(BUDGET * CLOCK_NS, "ns")
    assert await First(RisingEdge(dut.done), expired) is not expired, f"no end in {BUDGET} cycles"
    cycles = int(dut.now.value)
    # Whatever were still under way would show as a write that is not permitted.
    await ClockCycles(dut.clk, 200)
    dut.save.value = 1
    await ClockCycles(dut.clk, 2)
    Path("ended.txt").write_text(
        f"cycles={cycles} broken={int(dut.broken.value)}\n", encoding="utf-8"
    )
