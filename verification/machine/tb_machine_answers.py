"""Cocotb tests of a machine: every answer of memory, and addresses of any width."""

import random
from dataclasses import replace
from typing import Any

import cocotb
from cocotbext.axi import AxiResp

from insitu.hdl.contract.job import Status
from insitu.verification.bench.workload import draw
from insitu.verification.machine.tb_machine import (
    CONFIG,
    FLOATS,
    HALF,
    LIMIT_MS,
    SEED,
    budget,
    check,
    load_memory,
    run_one,
    start,
)


def chosen(bursts: list[range], most: int) -> list[int]:
    """Of up to ``most`` bursts, spread over all, the first, the last, a middle word in turn."""
    some = bursts[:: max(1, len(bursts) // most)] + bursts[-1:]
    return sorted({burst[(0, -1, len(burst) // 2)[n % 3]] for n, burst in enumerate(some)})


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def each_answer(dut):
    """SLVERR or DECERR for one word or one burst, one after the other, ends its descriptor alone.

    Of every operand, biases, scales and D; first, last and inside a burst; each burst of C.
    """
    rng = random.Random(SEED)
    bench = await start(dut)
    answers = bench.responses()
    number = 0
    # Lanes fetch each operand again and again.
    sizes = (3, 4, 5) if CONFIG.array.addressing.by_element else (9, 10, 11)
    for format in ("int8", "int32"):
        work = draw(
            CONFIG, rng, sizes, 0, HALF, format=format, has_bias=True, addend=True,
            column_scale=format == "int8", batch=2, m_block=0,
        )  # fmt: skip
        load_memory(bench, [work])
        answers.begin()
        await bench.post(work.job.words(), number)
        await check(bench, work, number, number)
        # Bursts of biases, scales and the first words of all else come first.
        reads = answers.bursts("r")
        places = {*chosen(reads[:8], 8), *chosen(reads, 24)}
        for channel, some in (("r", places), ("b", range(len(answers.bursts("b"))))):
            assert len(some) > 2, (channel, some)
            for place in sorted(some):
                number += 1
                load_memory(bench, [work])
                answers.begin(channel, place, rng.choice([AxiResp.SLVERR, AxiResp.DECERR]))
                await bench.post(work.job.words(), number)
                got = await bench.completion(budget(work))
                assert got == (number, Status.BUS_ERROR), f"{channel} {place}: {got}"
                assert not bench.ram.broken, f"{channel} {place}: {bench.ram.broken[:3]}"
                answers.begin()
                if number % 4 == 0:
                    await run_one(bench, rng, number := number + 1)
        number += 1
    await run_one(bench, rng, number)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def high_addresses(dut):
    """Matrices anywhere in an address space of up to 62 bits, across 4 GiB; none beyond its own."""
    rng = random.Random(SEED)
    # What the model of the memory takes at most, in Python's own index.
    whole, size = min(1 << CONFIG.addr_bits, 1 << 62), 1 << 32
    bench = await start(dut, whole)
    for number in range(0, 60, 2):
        base = rng.randrange(0, max(1, whole - size), CONFIG.bus_bytes)
        sizes = (rng.randint(1, 9), rng.randint(1, 9), rng.randint(1, 9))
        work = draw(CONFIG, rng, sizes, base, size, far=True, addend=number % 3 == 0)
        load_memory(bench, [work])
        await bench.post(work.job.words(), number)
        await check(bench, work, number, number)
        if CONFIG.addr_bits < 64:
            bench.ram.allow([], [])
            places = ("a", "b", "c", "d", "bias", *(() if FLOATS else ("scales",)))
            x = places[number // 2 % len(places)]
            address = getattr(work.job, x) | 1 << rng.randrange(CONFIG.addr_bits, 64)
            used: dict[str, Any] = {
                "addend": True,
                "has_bias": True,
                "format": "e4m3" if FLOATS else "int8",
                "column_scale": FLOATS is None,
            }
            job = replace(work.job, **used | {"low": -9, "high": 9, "zero": 0, x: address})
            await bench.post(job.words(), number + 1)
            assert await bench.completion(2000) == (number + 1, Status.UNSUPPORTED), hex(address)
            assert not bench.ram.broken, bench.ram.broken[:3]
