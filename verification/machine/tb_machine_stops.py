"""Cocotb tests of a machine that is stopped: by its memory for long, by an abort at each cycle."""

import os
import random

import cocotb
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiResp

from insitu.hdl.contract.job import Status
from insitu.verification.bench.memory import CHANNELS
from insitu.verification.bench.workload import draw
from insitu.verification.machine.tb_machine import (
    CONFIG,
    HALF,
    LIMIT_MS,
    SEED,
    budget,
    check,
    load_memory,
    run_one,
    start,
)

STEP = int(os.environ.get("INSITU_STEP", "1"))
PAUSE = 3000  # cycles; by then all that stands before the channel is full, or waits for what is


def now() -> int:
    """Cycles since the start."""
    return round(get_sim_time("ns")) // 10


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def stops(dut):
    """One channel stands still, anywhere in a job; both jobs under way are exact."""
    rng = random.Random(SEED)
    bench = await start(dut)
    for number in range(0, 6 * len(CHANNELS), 2):
        channel = CHANNELS[number // 2 % len(CHANNELS)]
        # Of many results, and few products for each; a machine of one MAC takes long for fewer.
        most = 40 if CONFIG.array.macs_per_cycle > 1 else 16
        sizes = [(rng.randint(9, most), rng.randint(9, most), rng.randint(1, 9)) for _ in range(2)]
        works = [draw(CONFIG, rng, size, HALF * n, HALF) for n, size in enumerate(sizes)]
        load_memory(bench, works)
        for n, work in enumerate(works):
            assert await bench.post(work.job.words(), number + n) == AxiResp.OKAY
        await bench.cycles(rng.randint(1, 800))
        bench.ram.stop(channel)
        await bench.cycles(PAUSE)
        bench.ram.stall({channel: "none"}, 1)
        for n, work in enumerate(works):
            await check(bench, work, number + n, number + n)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def aborts_at_every_cycle(dut):
    """However soon after the doorbell an abort comes, it is not lost."""
    rng = random.Random(SEED)
    bench = await start(dut)
    # So long that its sums are not finished in the time in which it is aborted here.
    work = draw(CONFIG, rng, (20, 20, 30), 0, HALF, batch=3, addend=False, m_block=0)
    load_memory(bench, [work])
    for delay in range(0, 160, STEP):
        assert await bench.post(work.job.words(), delay) == AxiResp.OKAY
        if delay:
            await bench.cycles(delay)
        await bench.write("control", 1)
        got = await bench.completion(budget(work))
        assert got == (delay, Status.ABORTED), f"{delay} cycles after the doorbell: {got}"
        assert not bench.ram.broken, bench.ram.broken[:3]
    # One that is over soon: as it stores, completes, and after that.
    work = draw(CONFIG, rng, (3, 5, 4), 0, HALF, batch=1, addend=False, m_block=0)
    load_memory(bench, [work])
    await bench.post(work.job.words(), 1000)
    begun = now()
    assert await bench.completion(budget(work)) == (1000, Status.OK)
    took, ends = now() - begun, []
    for delay in range(0, took + 20, STEP):
        load_memory(bench, [work])
        await bench.post(work.job.words(), delay)
        await bench.cycles(delay + 1)
        await bench.write("control", 1)
        number, status = await bench.completion(budget(work))
        assert number == delay
        assert status in (Status.OK, Status.ABORTED), f"after {delay} cycles: {status}"
        ends.append(status)
        if status == Status.OK:
            for address, row in work.results:
                assert bench.ram.memory.read(address, len(row)) == row
        assert not bench.ram.broken, bench.ram.broken[:3]
    # What was aborted early was not lost, what had ended was not taken back.
    assert ends == sorted(ends, reverse=True), ends
    assert {ends[0], ends[-1]} == {Status.OK, Status.ABORTED}
    await run_one(bench, rng, 2000)
