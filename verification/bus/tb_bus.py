"""Cocotb tests of the DMA masters, read as ``u0_`` and write as ``u1_``, on memory models."""

import json
import os
import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from insitu.hdl.bus.axi import BOUNDARY
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.memory import CHANNELS, GuardedRam, Window
from insitu.verification.bench.streams import StreamDriver, StreamMonitor, stall_bits

PARAMETERS = json.loads(os.environ["INSITU_BUS"])
WORD = PARAMETERS["data_bits"] // 8
SIZE = 1 << 20
SEED = int(os.environ.get("INSITU_SEED", "1"))
STALLS = ["none", "half", "long", "10", "50", "90"]

# Segments that start or end at a boundary, fill a page, or are one word.
PAGE = BOUNDARY // WORD
DIRECTED = [
    (0, 1), (BOUNDARY - WORD, 1), (BOUNDARY - WORD, 2), (BOUNDARY, PAGE), (BOUNDARY + WORD, PAGE),
    (3 * BOUNDARY - 2 * WORD, PAGE + 4), (8 * BOUNDARY, 1), (5 * BOUNDARY - WORD, 2 * PAGE + 2),
]  # fmt: skip


def segments(rng: random.Random, count: int) -> list[tuple[int, int]]:
    """Addresses and beats, mostly short."""
    return [
        (
            rng.randrange(SIZE // 2 // WORD) * WORD,
            rng.choice([1, 2, 3, rng.randint(1, 40), rng.randint(1, 300)]),
        )
        for _ in range(count)
    ]


async def start(dut, case: str) -> tuple[GuardedRam, GuardedRam, random.Random]:
    start_clock(dut)
    rng = random.Random(SEED)
    dut.u0_i_valid.value = 0
    dut.u0_ready.value = 0
    dut.u1_i_valid.value = 0
    dut.u1_words_valid.value = 0
    dut.rst.value = 1
    rams = [GuardedRam(dut, f"u{n}_axi", SIZE) for n in range(2)]
    for n, ram in enumerate(rams):
        ram.stall(dict.fromkeys(CHANNELS, case), SEED + 10 * n)
        ram.memory.write(0, rng.randbytes(SIZE))
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    return rams[0], rams[1], rng


async def until(dut, done, cycles: int, what: str) -> None:
    """Wait for ``done()``, at most ``cycles``."""
    for _ in range(cycles):
        await RisingEdge(dut.clk)
        if done():
            return
    raise AssertionError(f"{what} after {cycles} cycles")


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(case=STALLS)
async def reads(dut, case):
    """Every word of every segment comes once, in order, with its tag, and nothing else is read."""
    ram, _, rng = await start(dut, case)
    todo = DIRECTED + segments(rng, 20)
    ram.allow([Window(a, 1, n * WORD, n * WORD) for a, n in todo], [])
    expected = [
        {
            "data": int.from_bytes(ram.memory.read(a + k * WORD, WORD), "little"),
            "tag": tag % 4,
            "last": int(k == n - 1),
            "error": 0,
        }
        for tag, (a, n) in enumerate(todo)
        for k in range(n)
    ]
    monitor = StreamMonitor(dut, "u0", ("data", "tag", "last", "error"))
    got = monitor.words
    watching = cocotb.start_soon(monitor.run(stall_bits(case, SEED + 3)))
    driver = StreamDriver(dut, "u0_i", ("addr", "beats", "tag"))
    words = [{"addr": a, "beats": n, "tag": tag % 4} for tag, (a, n) in enumerate(todo)]
    sending = cocotb.start_soon(driver.send(words, stall_bits(case, SEED)))
    budget = 60 * len(expected) + 2000
    await until(dut, lambda: len(got) >= len(expected), budget, f"{len(got)} words")
    assert list(got) == expected
    assert sending.done()
    await ClockCycles(dut.clk, 50)
    assert len(got) == len(expected), "words too many"
    assert dut.u0_idle.value
    assert not ram.broken
    watching.cancel()


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(case=STALLS)
async def writes(dut, case):
    """Every byte with its strobe set is written, no other, and ``idle`` waits for all answers."""
    _, ram, rng = await start(dut, case)
    todo = DIRECTED + segments(rng, 20)
    ram.allow([], [Window(a, 1, n * WORD, n * WORD) for a, n in todo])
    image = bytearray(ram.memory.read(0, SIZE))
    words = []
    for address, beats in todo:
        for k in range(beats):
            data, strb = rng.randbytes(WORD), rng.choice([0, -1, rng.getrandbits(WORD)])
            strb &= (1 << WORD) - 1
            words.append({"data": int.from_bytes(data, "little"), "strb": strb})
            for byte in range(WORD):
                if strb >> byte & 1:
                    image[address + k * WORD + byte] = data[byte]
    heads = StreamDriver(dut, "u1_i", ("addr", "beats"))
    bodies = StreamDriver(dut, "u1_words", ("data", "strb"))
    lines = [{"addr": a, "beats": n} for a, n in todo]
    tasks = [
        cocotb.start_soon(heads.send(lines, stall_bits(case, SEED))),
        cocotb.start_soon(bodies.send(words, stall_bits(case, SEED + 1))),
    ]
    budget = 60 * len(words) + 2000
    await until(dut, lambda: all(t.done() for t in tasks), budget, "words not taken")
    await until(dut, lambda: dut.u1_idle.value, budget, "not idle")
    assert not dut.u1_error.value
    assert ram.memory.read(0, SIZE) == image
    assert not ram.broken


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def full_rate(dut):
    """Long bursts leave no gap: a word per cycle but for the cycles between bursts."""
    ram, _, _ = await start(dut, "none")
    driver = StreamDriver(dut, "u0_i", ("addr", "beats", "tag"))
    dut.u0_ready.value = 1
    beats = 8 * PAGE
    cocotb.start_soon(driver.send([{"addr": 0, "beats": beats, "tag": 0}], stall_bits("none", 1)))
    await until(dut, lambda: dut.u0_valid.value, 200, "no word")
    count = 1
    cycles = 0
    while count < beats:
        await RisingEdge(dut.clk)
        cycles += 1
        count += int(dut.u0_valid.value)
    bursts = beats / min(PARAMETERS["longest"], PAGE)
    # The memory model takes up to two cycles from one burst to the next, and so does finding one;
    # with only one outstanding both add up.
    gap = 2 if PARAMETERS["outstanding"] > 1 else 5
    assert cycles <= beats + gap * bursts, f"{cycles} cycles for {beats} words"
    assert not ram.broken
