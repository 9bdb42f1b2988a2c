"""Cocotb side of a replay run: a clock, a reset, and a bounded wait for the last word."""

import json
import os
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer

from insitu.verification.bench.clock import start_clock

CLOCK_NS = 10
BUDGET = int(os.environ["INSITU_BUDGET"])  # cycles after which the run counts as hung
QUIET = int(os.environ["INSITU_QUIET"])  # cycles in which a row too many would have come out


@cocotb.test()
async def replay(dut):
    start_clock(dut)
    dut.rst.value = 1
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    expired = Timer(BUDGET * CLOCK_NS, "ns")
    assert await First(RisingEdge(dut.done), expired) is not expired, f"no end in {BUDGET} cycles"
    expected = int(dut.o_words.value)
    # Nothing more may come, and nothing may be left over.
    await ClockCycles(dut.clk, QUIET)
    assert int(dut.o_words.value) == expected, "rows too many"
    names = [n for n in ("i", "w", "a", "o") if hasattr(dut, f"{n}_words")]
    counters = {f"{n}_words": int(getattr(dut, f"{n}_words").value) for n in names}
    counters["cycles"] = int(dut.final_.value) - int(dut.first.value) + 1
    Path("counters.json").write_text(json.dumps(counters), encoding="utf-8")
