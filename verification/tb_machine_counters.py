"""Cocotb test of a machine in one module: its counters where no simulation of a job reaches."""

import random
import re

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge
from cocotbext.axi import AxiResp

from hdl.machine.counters import PAGE

from .bench.workload import draw
from .tb_machine import CONFIG, COUNTERS, HALF, LIMIT_MS, SEED, check, load_memory, start

MOST = 1 << 33  # beyond what a job of the test counts


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def counts_past_32_bits(dut):
    """A job's counters go on from any value up to 63 bits, none of their bits lost."""
    rng = random.Random(SEED)
    bench = await start(dut)
    (memory,) = (
        x for x in dut if re.fullmatch(r"core\.counters\.ram\..*\.ram", x._name.strip("\\ "))
    )
    for number in range(4):
        work = draw(CONFIG, rng, (24, 24, 24), 0, HALF, batch=1, m_block=0)
        load_memory(bench, [work])
        assert await bench.post(work.job.words(), number) == AxiResp.OKAY
        # Until each has been written: the first time it does not matter what was there.
        await ClockCycles(dut.clk, 400)
        first = number * PAGE % len(memory)
        more = {first + n: rng.getrandbits(30) << 33 for n in range(len(COUNTERS))}
        left = {place for place, amount in more.items() if amount}
        for _ in range(10):
            await FallingEdge(dut.clk)  # the memory is not written then
            for place in left:
                memory[place].value = int(memory[place].value) + more[place]
            # One that was being added to has its old value again.
            await ClockCycles(dut.clk, 12)
            left = {place for place in left if int(memory[place].value) < MOST}
        assert not left, f"descriptor {number}: never at rest: {left}"
        assert not await bench.read("completion") >> 31, "too short to go on from there"
        for n, name in enumerate(COUNTERS):
            if name in work.counters:
                work.counters[name] += more[first + n]
        await check(bench, work, number, number)
