"""Cocotb test of the operand buffer: blocks stream through, are read again, and are freed."""

import json
import os
import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from insitu.hdl.operands.ring import Ring
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.streams import StreamDriver, StreamMonitor, stall_bits

LANES, BITS, DEPTH = json.loads(os.environ["INSITU_RING"])
WIDTH = LANES * BITS
MOST = min(DEPTH // 3, 100)  # words of a block
ASKED = ("offset", "skip", "drop", "pad", "stride", "column", "rows", "last", "tag")
GIVEN = ("word", "pad", "tag")


def elements(word: int) -> list[int]:
    return [word >> BITS * n & ((1 << BITS) - 1) for n in range(LANES)]


def joined(values: list[int]) -> int:
    return sum(value << BITS * n for n, value in enumerate(values))


def ask(offset: int, **others: int) -> dict[str, int]:
    """Of a row, unless ``others`` say it."""
    return dict.fromkeys(ASKED, 0) | {"rows": LANES - 1, "offset": offset} | others


async def start(dut) -> None:
    start_clock(dut)
    for name in ("need", "reserve", "write", "word", "row", "move", "returns", "back",
                 "free", "amount", "stop"):  # fmt: skip
        getattr(dut, name).value = 0
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0


async def fetch(dut, rng: random.Random, blocks: list[list[int]], stalls, along: int = 0) -> None:
    """Reserve each block in rows, and write its words some time later.

    ``along``: every block is a tile of rows of so many words, to be read by columns.
    """
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
            for n, word in enumerate(row, start=place):
                while next(stalls):
                    await RisingEdge(dut.clk)
                dut.write.value, dut.word.value = 1, word
                dut.row.value = n // along if along else 0
                await RisingEdge(dut.clk)
                dut.write.value = 0
            place += len(row)


@cocotb.test(timeout_time=10, timeout_unit="ms")
@cocotb.parametrize(case=["none", "half", "50", "90"])
async def blocks_pass_through(dut, case):
    """Every block is read twice in random order, some again as a panel of three, then freed."""
    await start(dut)
    rng = random.Random(5)
    blocks = [[rng.getrandbits(WIDTH) for _ in range(rng.randint(1, MOST))] for _ in range(30)]
    fetching = cocotb.start_soon(fetch(dut, rng, blocks, stall_bits(case, 1)))
    reader = StreamDriver(dut, "i", ASKED)
    monitor = StreamMonitor(dut, "o", GIVEN)
    watching = cocotb.start_soon(monitor.run(stall_bits(case, 2)))

    async def end(distance: int, amount: int) -> None:
        dut.move.value, dut.returns.value = 1, int(distance < 0)
        if distance < 0:
            dut.back.value = distance
        dut.free.value, dut.amount.value = int(amount > 0), amount
        await RisingEdge(dut.clk)
        dut.move.value, dut.free.value = 0, 0

    for first in range(0, len(blocks), 3):
        panel = blocks[first : first + 3]
        for again in range(2):
            for block in panel:
                reads, expected = [], []
                for n in rng.sample(range(len(block)), len(block)) * 2:
                    skip, drop = rng.choices([(0, 0), (1, 0), (1, 1)], [8, 1, 1])[0]
                    tag, pad = rng.getrandbits(3), rng.getrandbits(BITS)
                    read = {"skip": skip, "drop": drop, "last": len(block) - 1}
                    reads.append(ask(n, **read, tag=tag, pad=pad))
                    if not drop:
                        expected.append((tag, joined([pad] * LANES) if skip else block[n]))
                await reader.send(reads, stall_bits(case, 3))
                budget = 4000
                while len(monitor.words) < len(expected):
                    await RisingEdge(dut.clk)
                    budget -= 1
                    assert budget, "words missing"
                assert [(w["tag"], w["word"]) for w in monitor.words] == expected
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


@cocotb.test(timeout_time=10, timeout_unit="ms")
@cocotb.parametrize(case=["none", "half", "90"])
async def tiles_by_columns(dut, case):
    """Tiles of up to ``LANES`` rows; each word's columns in order, while rows still come."""
    await start(dut)
    rng = random.Random(7)
    reader = StreamDriver(dut, "i", ASKED)
    monitor = StreamMonitor(dut, "o", GIVEN)
    watching = cocotb.start_soon(monitor.run(stall_bits(case, 2)))
    for _ in range(20):
        rows = rng.randint(1, min(LANES, DEPTH))
        along = rng.randint(1, max(1, min(4, (DEPTH - 1) // rows)))
        tile = [rng.getrandbits(WIDTH) for _ in range(rows * along)]
        fetching = cocotb.start_soon(fetch(dut, rng, [tile], stall_bits(case, 1), along))
        reads, expected = [], []
        for place in range(along):
            last = (rows - 1) * along + place
            for column in range(LANES):
                tag, pad = rng.getrandbits(3), rng.getrandbits(BITS)
                read = {"stride": along, "column": column, "rows": rows - 1}
                reads.append(ask(last, **read, last=len(tile) - 1, tag=tag, pad=pad))
                there = [elements(tile[r * along + place])[column] for r in range(rows)]
                expected.append((tag, joined(there + [pad] * (LANES - rows))))
        await reader.send(reads, stall_bits(case, 3))
        budget = 4000
        while len(monitor.words) < len(expected):
            await RisingEdge(dut.clk)
            budget -= 1
            assert budget, "words missing"
        assert [(w["tag"], w["word"]) for w in monitor.words] == expected
        monitor.words.clear()
        assert fetching.done()
        dut.move.value, dut.returns.value = 1, 0
        dut.free.value, dut.amount.value = 1, len(tile)
        await RisingEdge(dut.clk)
        dut.move.value, dut.free.value = 0, 0
    await ClockCycles(dut.clk, 5)
    assert dut.empty.value
    watching.cancel()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def full_rate(dut):
    """A word per cycle, ``Ring.latency`` cycles after it was asked for."""
    await start(dut)
    words = [n % (1 << WIDTH) for n in range(1, min(DEPTH, 400))]
    cocotb.start_soon(fetch(dut, random.Random(1), [words], stall_bits("none", 1)))
    reader = StreamDriver(dut, "i", ASKED)
    monitor = StreamMonitor(dut, "o", GIVEN)
    cocotb.start_soon(monitor.run(stall_bits("none", 1)))
    await ClockCycles(dut.clk, 3 * len(words) + 43)
    reads = [ask(n) for n in range(len(words))]
    begin = cocotb.utils.get_sim_time("ns")
    await reader.send(reads, stall_bits("none", 1))
    await ClockCycles(dut.clk, Ring.latency(LANES) + 2)
    assert [w["word"] for w in monitor.words] == words
    assert round((monitor.last_ns - begin) / 10) == len(words) + Ring.latency(LANES)
