"""Cocotb test of a machine in one module: its counters where no simulation of a job reaches."""

import random
import re

import cocotb
from cocotb.triggers import FallingEdge
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiResp

from insitu.hdl.contract.job import TIME_BITS
from insitu.hdl.shell.counters import PAGE
from insitu.verification.bench.workload import draw
from insitu.verification.machine.tb_machine import (
    CONFIG,
    COUNTERS,
    HALF,
    LIMIT_MS,
    SEED,
    budget,
    load_memory,
    start,
)

MOST = 1 << 33  # beyond what a job of the test counts


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def counts_past_32_bits(dut):
    """A job's counters go on from any value up to 63 bits, and a job may last up to 48 bits of
    cycles: none of their bits is lost."""
    rng = random.Random(SEED)
    bench = await start(dut)
    handles = {handle._name.strip("\\ "): handle for handle in dut}
    (memory,) = (
        x for name, x in handles.items() if re.fullmatch(r"core\.counters\.ram\..*ram", name)
    )
    times = [handles[f"core.{name}"] for name in ("control.now", "outcome.behind")]
    for number in range(8):
        work = draw(CONFIG, rng, (24, 24, 24), 0, HALF, batch=1, m_block=0)
        load_memory(bench, [work])
        began = get_sim_time("ns")
        assert await bench.post(work.job.words(), number) == AxiResp.OKAY
        # Until each has been written: the first time it does not matter what was there.
        await bench.cycles(400)
        first = number * PAGE % len(memory)
        more = {name: rng.getrandbits(30) << 33 for name in COUNTERS}
        left = {first + n: more[name] for n, name in enumerate(COUNTERS) if more[name]}
        for _ in range(10):
            await FallingEdge(dut.clk)  # neither is written then
            for place, amount in left.items():
                memory[place].value = int(memory[place].value) + amount
            # One that was being added to has its old value again.
            await bench.cycles(12)
            left = {x: amount for x, amount in left.items() if int(memory[x].value) < MOST}
        assert not left, f"descriptor {number}: never at rest: {left}"
        later = rng.getrandbits(17) << 30
        await FallingEdge(dut.clk)
        for time in times:
            time.value = (int(time.value) + later) % (1 << TIME_BITS)
        assert not await bench.read("completion") >> 31, "too short to go on from there"
        counted = {name: n for n, name in enumerate(COUNTERS) if name in work.counters}
        counted["cycles"] = COUNTERS.index("cycles")
        assert await bench.completion(budget(work), counted) == (number, 0)
        found = {name: value - more[name] for name, value in counted.items()}
        cycles = found.pop("cycles") - later
        assert 0 < cycles <= (get_sim_time("ns") - began) / 10, f"descriptor {number}: {cycles}"
        assert found == work.counters, f"descriptor {number}: {work.job}"
