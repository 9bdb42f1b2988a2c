"""Cocotb test of the operand buffer: blocks stream through, are read again, and are freed."""

import json
import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from hdl.engines.ring import Ring

from .bench.streams import StreamDriver, StreamMonitor, stall_bits

WIDTH, DEPTH = json.loads(os.environ["INSITU_RING"])


async def start(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    for name in ("need", "reserve", "write", "word", "move", "distance", "returns", "back", "free",
                 "amount", "stop"):  # fmt: skip
        getattr(dut, name).value = 0
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0


async def fetch(dut, rng: random.Random, blocks: list[list[int]], stalls) -> None:
    """Reserve each block in rows, and write its words some time later."""
    for block in blocks:
        place = 0
        while place < len(block):
            row = block[place : place + rng.randint(1, len(block))]
            dut.need.value, dut.reserve.value = len(row), 0
            await RisingEdge(dut.clk)
            await RisingEdge(dut.clk)
            while not dut.room.value:
                await RisingEdge(dut.clk)
            dut.reserve.value = 1
            await RisingEdge(dut.clk)
            dut.reserve.value = 0
            for word in row:
                while next(stalls):
                    await RisingEdge(dut.clk)
                dut.write.value, dut.word.value = 1, word
                await RisingEdge(dut.clk)
                dut.write.value = 0
            place += len(row)


@cocotb.test(timeout_time=10, timeout_unit="ms")
@cocotb.parametrize(case=["none", "half", "50", "90"])
async def blocks_pass_through(dut, case):
    """Every block is read twice in random order, some again as a panel of three, then freed."""
    await start(dut)
    rng = random.Random(5)
    blocks = [
        [rng.getrandbits(WIDTH) for _ in range(rng.randint(1, DEPTH // 3))] for _ in range(30)
    ]
    fetching = cocotb.start_soon(fetch(dut, rng, blocks, stall_bits(case, 1)))
    reader = StreamDriver(dut, "i", ("offset", "skip", "tag"))
    monitor = StreamMonitor(dut, "o", ("word", "skip", "tag"))
    watching = cocotb.start_soon(monitor.run(stall_bits(case, 2)))

    async def end(distance: int, amount: int) -> None:
        dut.move.value, dut.returns.value = 1, int(distance < 0)
        (dut.back if distance < 0 else dut.distance).value = distance
        dut.free.value, dut.amount.value = int(amount > 0), amount
        await RisingEdge(dut.clk)
        dut.move.value, dut.free.value = 0, 0

    for first in range(0, len(blocks), 3):
        panel = blocks[first : first + 3]
        for again in range(2):
            for block in panel:
                reads, expected = [], []
                for n in rng.sample(range(len(block)), len(block)) * 2:
                    skip = int(rng.random() < 0.1)
                    tag = rng.getrandbits(3)
                    reads.append({"offset": n, "skip": skip, "tag": tag})
                    expected.append((skip, tag, None if skip else block[n]))
                await reader.send(reads, stall_bits(case, 3))
                budget = 4000
                while len(monitor.words) < len(expected):
                    await RisingEdge(dut.clk)
                    budget -= 1
                    assert budget, "words missing"
                got = [
                    (w["skip"], w["tag"], None if w["skip"] else w["word"]) for w in monitor.words
                ]
                assert got == expected
                monitor.words.clear()
                # The first time through, words stay for the second; then they are given up.
                await end(len(block), len(block) if again else 0)
            if not again:
                await end(-sum(map(len, panel)), 0)
    assert fetching.done()
    await ClockCycles(dut.clk, 5)
    assert dut.empty.value
    assert not monitor.words
    watching.cancel()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def full_rate(dut):
    """A word per cycle, LATENCY cycles after it was asked for."""
    await start(dut)
    words = list(range(1, DEPTH))
    cocotb.start_soon(fetch(dut, random.Random(1), [words], stall_bits("none", 1)))
    reader = StreamDriver(dut, "i", ("offset", "skip", "tag"))
    monitor = StreamMonitor(dut, "o", ("word", "skip", "tag"))
    cocotb.start_soon(monitor.run(stall_bits("none", 1)))
    await ClockCycles(dut.clk, 3 * DEPTH + 40)
    reads = [{"offset": n, "skip": 0, "tag": 0} for n in range(len(words))]
    begin = cocotb.utils.get_sim_time("ns")
    await reader.send(reads, stall_bits("none", 1))
    await ClockCycles(dut.clk, Ring.LATENCY + 2)
    assert [w["word"] % (1 << WIDTH) for w in monitor.words] == [w % (1 << WIDTH) for w in words]
    assert round((monitor.last_ns - begin) / 10) == len(words) + Ring.LATENCY
