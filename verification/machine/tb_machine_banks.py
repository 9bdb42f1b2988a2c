"""Cocotb tests of machines whose B may stay in the engine's banks."""

import random
from dataclasses import replace
from typing import Any

import cocotb
import numpy as np
from cocotbext.axi import AxiResp

from insitu.hdl.config.fields import ceil_div
from insitu.hdl.contract.job import Status
from insitu.verification.bench.machine import MachineBench
from insitu.verification.bench.workload import Work, draw
from insitu.verification.machine.tb_machine import (
    CONFIG,
    HALF,
    LIMIT_MS,
    SEED,
    budget,
    check,
    load_memory,
    start,
)

TILE = CONFIG.array
SIZE = {"n": 2 * TILE.cols, "k": 2 * TILE.rows}  # four banks
PLAIN: dict[str, Any] = {"batch": 1, "m_block": 0}


def work_of(rng: random.Random, **given: Any) -> Work:
    """A small job; ``n`` and ``k`` as in ``SIZE`` unless given."""
    sizes = (rng.randint(1, 9), given.pop("n", SIZE["n"]), given.pop("k", SIZE["k"]))
    return draw(CONFIG, rng, sizes, 0, HALF, **PLAIN, **given)


async def good(bench: MachineBench, work: Work) -> None:
    """``work`` ends well, and is exact."""
    load_memory(bench, [work])
    assert await bench.post(work.job.words(), 1) == AxiResp.OKAY
    await check(bench, work, 1, 0)


async def absent(bench: MachineBench, work: Work, why: str) -> None:
    """``work`` finds its B nowhere, and touches no memory."""
    bench.ram.allow([], [])
    await bench.post(work.job.words(), 2)
    got = await bench.completion(budget(work))
    assert got == (2, Status.NOT_RESIDENT), f"{why}: {got}"
    assert not bench.ram.broken, f"{why}: {bench.ram.broken}"


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def not_resident(dut):
    """Whatever is not there as it is asked for is refused; what is there still serves."""
    rng = random.Random(SEED)
    bench = await start(dut)
    assert TILE.banks >= 6

    def uses(b: np.ndarray, first: int, **given: Any) -> Work:
        return work_of(rng, held=b, bank_first=first, n=b.shape[1], k=b.shape[0], **given)

    nothing = np.zeros((SIZE["k"], SIZE["n"]), np.int64)
    await absent(bench, uses(nothing, 0), "after reset")
    for _ in range(3):
        low = work_of(rng, bank_first=0)
        await good(bench, low)
        assert low.b is not None
        await good(bench, uses(low.b, 0))
        await absent(bench, uses(low.b, 1), "another bank")
        await absent(bench, uses(low.b[1:], 0), "another K")
        for name, size in SIZE.items():
            # Not told apart in 16 bits; nothing of it is read.
            large = uses(low.b, 0)
            more: dict[str, Any] = {name: size + (1 << 16)}
            large.job = replace(large.job, **more)
            if large.job.k <= TILE.max_k:
                await absent(bench, large, f"{name} + 65536")
        await absent(bench, uses(low.b[:, 1:], 0), "another N")
        # A neighbour does no harm; one that overlaps does, wherever it begins.
        high = work_of(rng, bank_first=4, n=TILE.cols)
        await good(bench, high)
        assert high.b is not None
        await good(bench, uses(low.b, 0))
        await good(bench, uses(high.b, 4))
        over = work_of(rng, bank_first=3, n=1, k=1)
        await good(bench, over)
        await absent(bench, uses(low.b, 0), "overlapped")
        await good(bench, uses(high.b, 4))
        await good(bench, work_of(rng, bank_first=2))
        await absent(bench, uses(high.b, 4), "overlapped from below")
        # A matrix that is too large is streamed through the banks from the first one on.
        await good(bench, low)
        streamed = work_of(rng, bank_first=4, n=3 * TILE.cols)
        await good(bench, streamed)
        await good(bench, uses(low.b, 0))
        assert streamed.b is not None
        await absent(bench, uses(streamed.b, 4), "streamed")
        streamed = work_of(rng, bank_first=3, n=3 * TILE.cols)
        await good(bench, streamed)
        assert streamed.b is not None
        await absent(bench, uses(streamed.b, 3), "streamed")
        await absent(bench, uses(low.b, 0), "streamed over")
        # One that changes within a batch is streamed, too.
        await good(bench, low)
        given: dict[str, Any] = {"batch": 2, "bank_first": 1, "m_block": 0, "same_b": False}
        changes = draw(CONFIG, rng, (3, 1, 1), 0, HALF, **given)
        await good(bench, changes)
        assert changes.b is not None
        await absent(bench, uses(changes.b, 1), "changed within a batch")
        await absent(bench, uses(low.b, 0), "a batch")


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def lost(dut):
    """After an error, an abort or a reset nothing that was being loaded is taken for resident."""
    rng = random.Random(SEED)
    bench = await start(dut)
    for number in range(9):
        work = work_of(rng, bank_first=0)
        await good(bench, work)
        assert work.b is not None
        use = work_of(rng, held=work.b, bank_first=0)
        other = work_of(rng, bank_first=0)
        load_memory(bench, [other])
        if number % 3 == 0:
            bench.ram.allow([], [])
        await bench.post(other.job.words(), 3)
        if number % 3 == 2:
            await bench.cycles(rng.randint(60, 200))
            await bench.reset(4)
        else:
            # The use is posted before the load has failed.
            await bench.post(use.job.words(), 4)
            if number % 3 == 1:
                await bench.cycles(rng.choice([1, 40]))
                await bench.write("control", 1)
            tag, status = await bench.completion(budget(other))
            assert tag == 3
            assert status in (Status.BUS_ERROR, Status.ABORTED)
            tag, status = await bench.completion(budget(use))
            assert tag == 4
            assert status in (Status.NOT_RESIDENT, Status.ABORTED)
            bench.ram.broken.clear()
        # What the load never reached is gone as well: it is not known how far it came.
        again = work_of(rng, held=work.b, bank_first=0)
        await absent(bench, again, f"round {number}")
        await good(bench, work_of(rng))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def failed_use(dut):
    """A descriptor that uses what is there and fails takes nothing away."""
    rng = random.Random(SEED)
    bench = await start(dut)
    for number in range(6):
        work = work_of(rng, bank_first=1)
        await good(bench, work)
        use = work_of(rng, held=work.b, bank_first=1)
        load_memory(bench, [use])
        status, job = Status.BUS_ERROR, use.job
        if number % 3 == 0:
            bench.ram.allow([], [])
        elif number % 3 == 1:
            status, job = Status.BAD_SHAPE, replace(job, c=job.a)
        else:
            status = Status.ABORTED
        await bench.post(job.words(), 3)
        if status == Status.ABORTED:
            await bench.cycles(80)
            await bench.write("control", 1)
        assert await bench.completion(budget(use)) == (3, status)
        bench.ram.broken.clear()
        await good(bench, work_of(rng, held=work.b, bank_first=1))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def failed_loads(dut):
    """One fails while the next one loads over it: what that has loaded is right, or refused."""
    rng = random.Random(SEED)
    bench = await start(dut)
    for number in range(6):
        works = [draw(CONFIG, rng, (9, SIZE["n"], SIZE["k"]), n * HALF, HALF, bank_first=0, **PLAIN)
                 for n in range(2)]  # fmt: skip
        load_memory(bench, works)
        bench.ram.allow(works[1].reads, works[1].writes)
        for n, work in enumerate(works):
            await bench.post(work.job.words(), n)
        assert await bench.completion(budget(works[0])) == (0, Status.BUS_ERROR)
        assert await bench.completion(budget(works[1])) == (1, Status.OK)
        bench.ram.broken.clear()
        again = work_of(rng, held=works[1].b, bank_first=0)
        load_memory(bench, [again])
        await bench.post(again.job.words(), 2)
        tag, status = await bench.completion(budget(again))
        # It started before or behind the failure.
        assert tag == 2
        assert status in (Status.OK, Status.NOT_RESIDENT), number
        if status == Status.OK:
            for address, row in again.results:
                assert bench.ram.memory.read(address, len(row)) == row
        await good(bench, work_of(rng))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def layers(dut):
    """Three layers alternate over ten batches: B is read once."""
    rng = random.Random(SEED)
    bench = await start(dut)
    step = TILE.banks // 3
    words, loads = 0, 0
    held: list[np.ndarray | None] = [None] * 3
    for _ in range(10):
        for number in range(3):
            given: dict[str, Any] = {"bank_first": number * step, "b_transposed": False}
            b = held[number]
            if b is not None:
                given |= {"held": b}
            size = {"n": TILE.cols * step, "k": TILE.rows - number}
            work = work_of(rng, **size, **given)
            await good(bench, work)
            words += work.counters["b_words"]
            if b is None:
                held[number] = work.b
                loads += size["k"] * ceil_div(size["n"], CONFIG.b_per_beat)
    assert words == loads
