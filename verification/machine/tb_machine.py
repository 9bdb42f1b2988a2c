"""Cocotb tests of a machine: random descriptors, one after the other, without reset."""

import logging
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import cocotb
from cocotbext.axi import AxiResp

from insitu.hdl.config import load
from insitu.hdl.contract.job import Status
from insitu.hdl.machines import events
from insitu.program.target import Target
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.draws import Banks, random_sizes
from insitu.verification.bench.machine import MachineBench
from insitu.verification.bench.memory import CHANNELS
from insitu.verification.bench.stalls import Stalls
from insitu.verification.bench.workload import Work, draw

SEED = int(os.environ.get("INSITU_SEED", "1"))
COUNT = int(os.environ["INSITU_COUNT"])
CONFIG = load(os.environ["INSITU_CONFIG"], "generic").shell
FLOATS = Target.of_shell(CONFIG).floats
SIZES = os.environ["INSITU_SIZES"]
LIMIT_MS = int(os.environ.get("INSITU_LIMIT_MS", "2000"))  # of a test, simulated
COUNTERS = [event.name for event in events(CONFIG)]
HALF = 1 << 21


async def start(dut, size: int = 2 * HALF) -> MachineBench:
    logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)  # every burst otherwise
    bench = MachineBench(dut, size)
    start_clock(dut)
    if hasattr(dut, "mutsel"):
        dut.mutsel.value = int(os.environ["INSITU_MUTANT"])
    await bench.reset(3)
    return bench


def budget(work: Work) -> int:
    """Cycles after which a descriptor counts as hung."""
    job = work.job
    if CONFIG.array.addressing.by_element:
        return 20_000 + job.batch * job.m * job.n * (job.k + 10) * 100
    return 20_000 + job.batch * (job.m * job.n * job.k + 100 * (job.m + job.n + job.k)) * 4


async def check(bench: MachineBench, work: Work, tag: int, number: int) -> None:
    counted = {name: n for n, name in enumerate(COUNTERS) if name in work.counters}
    assert counted.keys() == work.counters.keys()
    got = await bench.completion(budget(work), counted)
    assert got == (tag, 0), f"descriptor {number}: tag and status {got}, {work.job}"
    wrong = {n: (v, work.counters[n]) for n, v in counted.items() if v != work.counters[n]}
    assert not wrong, f"descriptor {number}: counters {wrong}, {work.job}"
    for row, (address, expected) in enumerate(work.results):
        found = bench.ram.memory.read(address, len(expected))
        assert found == expected, f"descriptor {number}, row {row} of C differs: {work.job}"
    assert not bench.ram.broken, f"descriptor {number}: {bench.ram.broken[:3]}, {work.job}"


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def descriptors(dut):
    """Two descriptors are under way at any time, in the two halves of memory."""
    rng = random.Random(SEED)
    bench = await start(dut)
    bench.ram.memory.write(0, rng.randbytes(2 * HALF))
    stalls = Stalls(dut)
    waiting: list[tuple[Work, int]] = []
    banks = Banks(CONFIG)
    for number in range(COUNT):
        if number % 3 == 0 and number:
            kinds = {c: rng.choice(["none", "none", "half", "10", "50", "90"]) for c in CHANNELS}
            # One channel in turn for sure.
            kinds[CHANNELS[number // 3 % len(CHANNELS)]] = "50"
            bench.ram.stall(kinds, rng.getrandbits(16))
            bench.stall_control(rng.choice(["none", "half", "50"]), rng.getrandbits(16))
        size, given = banks.choose(rng, random_sizes(SIZES, rng, 1)[0])
        work = draw(CONFIG, rng, size, HALF * (number % 2), HALF, **given)
        banks.follow(work)
        if len(waiting) == 2:
            await check(bench, *waiting.pop(0), number - 2)
        for address, content in work.pieces:
            bench.ram.memory.write(address, content)
        waiting.append((work, number & 0xFFFF))
        bench.ram.allow(
            [w for item, _ in waiting for w in item.reads],
            [w for item, _ in waiting for w in item.writes],
        )
        assert await bench.post(work.job.words(), number & 0xFFFF) == AxiResp.OKAY
        # While the window is copied accesses wait: one of each kind inside, the next on the bus.
        masks = [bench.write("irq_mask", rng.getrandbits(2)) for _ in range(2)]
        reads = [bench.read("irq_mask") for _ in range(2)]
        for task in [cocotb.start_soon(access) for access in (*masks, *reads)]:
            await task
        cocotb.log.info(f"descriptor {number}: {work.job}")
    for place, item in enumerate(waiting):
        await check(bench, *item, COUNT - len(waiting) + place)
    assert await bench.read("status") & 0x1FF == 0, "something is left over"
    stalls.write(Path("stalls.json"))
    assert COUNT < 20 or not stalls.missing, stalls.missing


def small(rng: random.Random, base: int = 0, **given: Any) -> Work:
    return draw(CONFIG, rng, (rng.randint(5, 12), rng.randint(5, 12), 9), base, HALF, **given)


async def run_one(
    bench: MachineBench, rng: random.Random, number: int, *, twice: bool = False
) -> None:
    """A good descriptor, exact: what every test of an error ends with.

    The machine has two slots: behind errors with one good descriptor each all come in the same one.
    ``twice``: another follows, so that the next error comes in the other slot.
    """
    for tag in range(number, number + 1 + twice):
        work = small(rng)
        load_memory(bench, [work])
        assert await bench.post(work.job.words(), tag) == AxiResp.OKAY
        await check(bench, work, tag, tag)


def load_memory(bench: MachineBench, works: list[Work]) -> None:
    for work in works:
        for address, content in work.pieces:
            bench.ram.memory.write(address, content)
    bench.ram.allow([w for x in works for w in x.reads], [w for x in works for w in x.writes])


def bad_fields() -> list[tuple[str, dict, Status]]:
    """Each rule broken once: what is broken, fields to replace, the status to expect."""
    word = CONFIG.bus_bytes
    cases: list[tuple[str, dict, Status]] = []
    for x in "mnk":
        cases.append((x, {x: 0}, Status.BAD_SHAPE))
        granule = getattr(CONFIG, f"{x}_granule")
        if granule > 1:
            size = {x: 4 * granule, f"{x}_block": granule + 1}
            cases.append((f"{x}_block", size, Status.BAD_SHAPE))
        elif x == "m" and CONFIG.array.addressing.by_element:
            size = {"m": 4 * CONFIG.array.rm, "m_block": CONFIG.array.rm + 1}
            cases.append(("m_block", size, Status.BAD_SHAPE))
    cases.append(("n_block", {"n": 1 << 13, "n_block": 1 << 12}, Status.BAD_SHAPE))
    cases.append(("k", {"k": CONFIG.array.max_k + 1}, Status.UNSUPPORTED))
    for x in ("a", "b", "c"):
        cases.append((x, {x: 1}, Status.MISALIGNED))
        cases.append((f"{x}_stride", {f"{x}_stride": word + 1}, Status.MISALIGNED))
        cases.append((f"{x}_high", {x: 1 << CONFIG.addr_bits}, Status.UNSUPPORTED))
        cases.append((f"{x}_batch", {"batch": 2, f"{x}_batch": 2}, Status.MISALIGNED))
    cases.append(("d", {"addend": True, "d": 4 if word > 4 else 2}, Status.MISALIGNED))
    cases.append(("bias", {"has_bias": True, "bias": 2}, Status.MISALIGNED))
    cases += bad_floats() if FLOATS else bad_integers()
    cases.append(("a_zero", {"a_signed": False, "a_zero": 1 << 15}, Status.UNSUPPORTED))
    cases.append(("b_zero", {"b_signed": True, "b_zero": 1 << 8}, Status.UNSUPPORTED))
    return cases


def bad_floats() -> list[tuple[str, dict, Status]]:
    """What results of floating-point numbers do not have."""
    fields = ({"column_scale": True}, {"binary32": True}, {"format": "int8"}, {"format": "uint8"})
    signs = ({"a_signed": True}, {"b_signed": True})
    return [(next(iter(x)), x, Status.UNSUPPORTED) for x in (*fields, *signs)]


def bad_integers() -> list[tuple[str, dict, Status]]:
    """Scales, zero points and bounds of results."""
    cases: list[tuple[str, dict, Status]] = []
    eight = {"format": "int8", "low": -5, "high": 5, "zero": 0, "column_scale": False}
    for value in (0.0, -1.0, float("inf"), float("nan"), 1e-45):
        cases.append((f"scale {value}", {**eight, "scale": value}, Status.BAD_SCALE))
    cases.append(("scales", {**eight, "column_scale": True, "scales": 2}, Status.MISALIGNED))
    cases.append(("bounds", {**eight, "low": 6}, Status.UNSUPPORTED))
    cases.append(("high", {**eight, "high": 128}, Status.UNSUPPORTED))
    cases.append(("low", {**eight, "format": "uint8", "low": -1}, Status.UNSUPPORTED))
    cases.append(("zero", {**eight, "zero": 128}, Status.UNSUPPORTED))
    cases.append(("zero", {**eight, "format": "uint8", "zero": -1, "low": 0}, Status.UNSUPPORTED))
    return cases


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def refusals(dut):
    """Each bad field ends with its status, touches no memory, and the next descriptor is exact."""
    rng = random.Random(SEED)
    bench = await start(dut)
    plain: dict[str, Any] = {
        "format": "int32",
        "has_bias": False,
        "addend": False,
        "batch": 1,
        "column_scale": False,
    }
    for number, (name, fields, status) in enumerate(bad_fields()):
        work = small(rng, a_zero=0, b_zero=0, m_block=0, **plain)
        bench.ram.allow([], [])
        await bench.post(replace(work.job, **fields).words(), 2 * number)
        got = await bench.completion(2000)
        assert got == (2 * number, status), f"{name}: {got}, expected {status!r}"
        assert not bench.ram.broken, f"{name}: {bench.ram.broken}"
        if number % 4 == 0:
            await run_one(bench, rng, 2 * number + 1)
    loads, banks = 1 << 18, CONFIG.array.banks
    wrong = [
        (0, loads | 2),
        (0, loads | 1 | 3 << 14),
        (0, loads | 1 | 1 << (22 if FLOATS else 20)),
        (0, loads | 1 | 1 << 31),
        (33, 1),
    ]
    wrong += [(30, banks)] if banks else [(30, 1), (0, 1)]
    for word, value in wrong:
        words = small(rng, m_block=0, **plain).job.words()
        words[word] = value
        bench.ram.allow([], [])
        await bench.post(words, 7)
        got = await bench.completion(2000)
        assert got == (7, Status.UNSUPPORTED), f"word {word} = {value:#x}: {got}"
        assert not bench.ram.broken
    await run_one(bench, rng, 8)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def bus_errors(dut):
    """An error on either channel ends the descriptor with its status; the next one is exact."""
    rng = random.Random(SEED)
    bench = await start(dut)
    fields: dict[str, Any] = {"format": "int8", "has_bias": True, "addend": True, "batch": 1}
    fields["column_scale"] = True
    for number in range(24):
        work = small(rng, **fields)
        load_memory(bench, [work])
        reads, writes = list(work.reads), list(work.writes)
        place = number % (len(reads) + 1)
        if place == len(reads):
            writes = []
        else:
            del reads[place]
        bench.ram.allow(reads, writes)
        await bench.post(work.job.words(), number)
        got = await bench.completion(budget(work))
        assert got == (number, Status.BUS_ERROR), f"{number}: {got}"
        assert bench.ram.broken, "no error was made"
        bench.ram.broken.clear()
        await run_one(bench, rng, 100 + number, twice=number % 6 == 5)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def bad_column_scales(dut):
    rng = random.Random(SEED)
    bench = await start(dut)
    for number in range(8):
        work = small(rng, format="uint8", column_scale=True, batch=1, order=number % 2)
        load_memory(bench, [work])
        place = work.job.scales + 4 * rng.randrange(work.job.n)
        bench.ram.memory.write(place, rng.choice([b"\0\0\0\0", b"\0\0\x80\xff"]))
        # Sums of floating-point numbers have no scales.
        status = Status.UNSUPPORTED if FLOATS else Status.BAD_SCALE
        await bench.post(replace(work.job, column_scale=True).words(), number)
        assert await bench.completion(budget(work)) == (number, status)
        assert not bench.ram.broken
        await run_one(bench, rng, 100 + number, twice=number == 3)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def doorbell_when_full(dut):
    """With memory stopped, the queue fills; doorbells are refused then, and only those are lost."""
    rng = random.Random(SEED)
    bench = await start(dut)
    works = [small(rng, 2 * HALF // 16 * n, batch=1, addend=False) for n in range(12)]
    load_memory(bench, works)
    bench.ram.stop("ar")
    accepted = []
    for number, work in enumerate(works):
        resp = await bench.post(work.job.words(), number)
        if resp == AxiResp.OKAY:
            accepted.append(number)
        else:
            assert resp == AxiResp.SLVERR
            assert await bench.read("status") >> 9 & 1, "not marked as dropped"
            await bench.write("status", 1 << 9)
            assert not await bench.read("status") >> 9 & 1
    assert CONFIG.queue <= len(accepted) <= CONFIG.queue + 2 < len(works)
    bench.ram.stall({"ar": "none"}, 1)
    for number in accepted:
        await check(bench, works[number], number, number)
    await run_one(bench, rng, 77)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def aborts(dut):
    """An abort at any time ends all that was posted, in order, and nothing else.

    A quarter of them come as a descriptor gives way to the next: that is reached on slow machines
    and on fast ones alike.
    """
    rng = random.Random(SEED)
    bench = await start(dut)
    seen = set()
    for round_ in range(25):
        between = round_ % 4 == 3
        works = [small(rng, 2 * HALF // 16 * n) for n in range(rng.randint(between + 1, 4))]
        load_memory(bench, works)
        for number, work in enumerate(works):
            await bench.post(work.job.words(), number)
        statuses = []
        if between:
            assert await bench.completion(budget(works[0])) == (0, Status.OK)
            statuses.append(Status.OK)
        wait = range(1, 30) if between else [1, 30, 60, 100, 150, 250, 400, 800, 1600]
        await bench.cycles(rng.choice(wait))
        await bench.write("control", 1)
        late = small(rng, 2 * HALF // 16 * 8)
        load_memory(bench, [*works, late])
        await bench.post(late.job.words(), 50)
        for number, work in enumerate(works[len(statuses) :], len(statuses)):
            tag, status = await bench.completion(budget(work))
            assert tag == number
            statuses.append(status)
        assert set(statuses) <= {Status.OK, Status.ABORTED}, statuses
        assert statuses == sorted(statuses), f"{statuses}: one completed behind an aborted one"
        await check(bench, late, 50, round_)
        seen.add((statuses[0], statuses[-1]))
    assert seen >= {(Status.OK, Status.ABORTED), (Status.ABORTED, Status.ABORTED)}, seen


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def resets(dut):
    """A reset at any time, memory's included, leaves nothing behind."""
    rng = random.Random(SEED)
    bench = await start(dut)
    for number in range(20):
        work = small(rng)
        load_memory(bench, [work])
        await bench.post(work.job.words(), number)
        await bench.cycles(rng.randint(1, 300))
        await bench.reset(4)
        await run_one(bench, rng, 100 + number)
