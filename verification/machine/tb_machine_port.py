"""Cocotb tests of machines with an AXI slave into their banks."""

import random
from typing import Any

import cocotb
import numpy as np
from cocotbext.axi import AxiBurstType, AxiResp

from insitu.hdl.config import NearConfig
from insitu.hdl.config.fields import ceil_div
from insitu.hdl.contract.job import Status
from insitu.verification.bench.machine import MachineBench
from insitu.verification.bench.pack import pack_bits, to_ints
from insitu.verification.bench.streams import stall_bits
from insitu.verification.bench.workload import Work
from insitu.verification.machine.tb_machine import (
    CONFIG,
    LIMIT_MS,
    SEED,
    budget,
    load_memory,
    start,
)
from insitu.verification.machine.tb_machine_banks import SIZE, TILE, absent, good, work_of

assert isinstance(TILE, NearConfig)
LATENCY = TILE.latency
BITS = TILE.b.bits
ROW, BANK = CONFIG.port_row, CONFIG.port_bank
USED = ceil_div(TILE.cols * BITS, 8)  # bytes of a row
Memory = dict[int, int]


def row_bytes(row: np.ndarray) -> bytes:
    """Elements of a row, packed."""
    (value,) = to_ints(pack_bits(row[None], BITS))
    return value.to_bytes(USED, "little")


def banks_of(b: np.ndarray, first: int) -> list[tuple[int, bytes]]:
    """Rows of B in the banks from ``first`` on: address and bytes; columns filled up with zeros."""
    found = []
    deep = ceil_div(b.shape[0], TILE.rows)
    for k, row in enumerate(b):
        for left in range(0, b.shape[1], TILE.cols):
            part = np.zeros(TILE.cols, np.int64)
            part[: len(row[left : left + TILE.cols])] = row[left : left + TILE.cols]
            bank = first + left // TILE.cols * deep + k // TILE.rows
            found.append((bank * BANK + k % TILE.rows * ROW, row_bytes(part)))
    return found


async def put(bench: MachineBench, address: int, content: bytes) -> AxiResp:
    return (await bench.banks.write(address, content)).resp


async def load(bench: MachineBench, b: np.ndarray, first: int) -> None:
    """Write B to the banks from ``first`` on."""
    for address, content in banks_of(b, first):
        assert await put(bench, address, content) == AxiResp.OKAY


def stall_port(bench: MachineBench, kind: str, seed: int) -> None:
    write, read = bench.banks.write_if, bench.banks.read_if
    channels = [write.aw_channel, write.w_channel, write.b_channel]
    channels += [read.ar_channel, read.r_channel]
    for n, channel in enumerate(channels):
        channel.set_pause_generator(stall_bits(kind, seed + n))


async def fill(bench: MachineBench, rng: random.Random) -> Memory:
    """Random contents of all banks; what the port shows, by address of each byte of a row."""
    memory: Memory = {}
    spare = TILE.cols * BITS % 8
    for bank in range(TILE.banks):
        for row in range(TILE.rows):
            address = bank * BANK + row * ROW
            content = rng.randbytes(CONFIG.bus_bytes * ceil_div(USED, CONFIG.bus_bytes))
            assert await put(bench, address, content) == AxiResp.OKAY
            for n in range(len(content)):
                memory[address + n] = content[n] if n < USED else 0
            if spare:
                memory[address + USED - 1] &= (1 << spare) - 1
    return memory


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def port_is_memory(dut):
    """Bursts of any size and length, bytes in any order: what was written last is read."""
    rng = random.Random(SEED)
    bench = await start(dut)
    memory = await fill(bench, rng)
    spare = TILE.cols * BITS % 8
    width = CONFIG.bus_bytes.bit_length() - 1
    for number in range(160):
        if number % 20 == 0:
            stall_port(bench, rng.choice(["none", "half", "10", "50"]), number)
        row = rng.randrange(TILE.rows)
        at = rng.randrange(TILE.banks) * BANK + row * ROW
        words = ceil_div(USED, CONFIG.bus_bytes) * CONFIG.bus_bytes
        # Over several rows, where they follow each other without a gap.
        rows = rng.randint(1, TILE.rows - row) if words == ROW else 1
        low = rng.randrange(words)
        high = rng.randint(low + 1, rows * words)
        size = rng.choice([width, width, rng.randint(0, width)])
        if rng.getrandbits(1):
            content = rng.randbytes(high - low)
            done = await bench.banks.write(at + low, content, size=size)
            assert done.resp == AxiResp.OKAY
            for n, byte in enumerate(content, low):
                if n % ROW < USED:
                    keep = spare and n % ROW == USED - 1
                    memory[at + n] = byte & ((1 << spare) - 1) if keep else byte
        else:
            got = await bench.banks.read(at + low, high - low, size=size)
            assert got.resp == AxiResp.OKAY
            expected = bytes(memory[at + n] for n in range(low, high))
            assert bytes(got.data) == expected, f"{number}: {at:#x} + {low}"


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def port_writes_at_full_rate(dut):
    """Whole rows take a cycle per word, and are read again as fast as their rows can be shown."""
    rng = random.Random(SEED)
    bench = await start(dut)
    content = rng.randbytes(BANK)
    clock = 10
    await put(bench, 0, content)
    before = cocotb.utils.get_sim_time("ns")
    await put(bench, 0, content)
    beats = BANK // CONFIG.bus_bytes
    took = round((cocotb.utils.get_sim_time("ns") - before) / clock)
    # Of wider rows each is read first.
    bound = beats if CONFIG.bus_bytes == ROW else beats + TILE.rows * (LATENCY + 6)
    assert took <= bound + 12, f"{took} cycles for {beats} words"


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def port_refuses(dut):
    """What is not there, and bursts other than INCR, are refused and change nothing."""
    rng = random.Random(SEED)
    bench = await start(dut)
    memory = await fill(bench, rng)
    port = bench.banks
    beyond = []
    words = ceil_div(USED, CONFIG.bus_bytes) * CONFIG.bus_bytes
    if words < ROW:
        beyond.append(words)
    if TILE.rows * ROW < BANK:
        beyond.append(TILE.rows * ROW)
    if TILE.banks * BANK < 1 << CONFIG.port_addr_bits:
        beyond.append(TILE.banks * BANK)
    assert beyond, "no place is missing here"
    one = CONFIG.bus_bytes
    for address in beyond:
        assert await put(bench, address, bytes(one)) == AxiResp.DECERR
        got = await port.read(address, one)
        assert (got.resp, bytes(got.data)) == (AxiResp.DECERR, bytes(one))
        # A burst that ends there is good up to there.
        content = rng.randbytes(2 * one)
        assert await put(bench, address - one, content) == AxiResp.DECERR
        if (address - one) in memory:
            for n in range(one):
                memory[address - one + n] = content[n] if (address - one + n) % ROW < USED else 0
    for kind in (AxiBurstType.FIXED, AxiBurstType.WRAP):
        assert (await port.write(0, bytes(2 * one), burst=kind)).resp == AxiResp.SLVERR
        assert (await port.read(0, 2 * one, burst=kind)).resp == AxiResp.SLVERR
    for address, byte in memory.items():
        assert bytes((await port.read(address, 1)).data)[0] == byte, f"{address:#x}"


def uses(rng: random.Random, b: np.ndarray, first: int, **given: Any) -> Work:
    return work_of(rng, held=b, bank_first=first, n=b.shape[1], k=b.shape[0], **given)


def matrix(rng: random.Random, k: int, n: int) -> np.ndarray:
    values = TILE.b.values
    return np.random.default_rng(rng.getrandbits(32)).integers(
        values.lo, values.hi, (k, n), endpoint=True
    )


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def loaded_through_port(dut):
    """A B that software writes is used as it says, of any shape that the banks hold."""
    rng = random.Random(SEED)
    bench = await start(dut)
    for _ in range(12):
        first = rng.randrange(TILE.banks)
        while True:
            k, n = rng.randint(1, 3 * TILE.rows), rng.randint(1, 3 * TILE.cols)
            end = first + ceil_div(k, TILE.rows) * ceil_div(n, TILE.cols)
            if end <= TILE.banks:
                break
        b = matrix(rng, k, n)
        await load(bench, b, first)
        for _ in range(2):
            await good(bench, uses(rng, b, first))
        # The same banks seen as another shape: what software says is what they hold.
        if n <= TILE.cols:
            await good(bench, uses(rng, b[: rng.randint(1, k)], first))
        # What a descriptor loads elsewhere does no harm.
        if end < TILE.banks:
            await good(bench, work_of(rng, bank_first=end, k=1, n=1))
            await good(bench, uses(rng, b, first))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def marks(dut):
    """A matrix is there if all its banks were loaded together, or all written through the port."""
    rng = random.Random(SEED)
    bench = await start(dut)
    k, n = SIZE["k"], SIZE["n"]  # four banks
    for number in range(3):
        b = matrix(rng, k, n)
        rows = banks_of(b, 0)
        if number == 0:
            # Each bank counts from its first row on.
            for bank in range(4):
                await absent(bench, uses(rng, b, 0), f"{bank} banks written")
                for address, content in rows:
                    if address // BANK == bank:
                        assert await put(bench, address, content) == AxiResp.OKAY
        else:
            await load(bench, b, 0)
        await good(bench, uses(rng, b, 0))
        await absent(bench, uses(rng, b, 1), "another bank")
        # Beyond the last bank, and large sizes.
        tall = matrix(rng, TILE.rows * (TILE.banks + 1), 1)
        if tall.shape[0] <= TILE.max_k:
            await absent(bench, uses(rng, tall, 0), "more than all banks")
        # Loaded over: by all of another matrix, by a part, by one that is streamed.
        over = work_of(rng, bank_first=2) if number else work_of(rng, bank_first=0, k=k - 1)
        if number == 2:
            over = work_of(rng, bank_first=3, n=3 * TILE.cols)
        await good(bench, over)
        await absent(bench, uses(rng, b, 0), "loaded over")
        # A loaded one of which a bank is written, then all.
        loaded = work_of(rng, bank_first=0)
        await good(bench, loaded)
        assert loaded.b is not None
        await good(bench, uses(rng, loaded.b, 0))
        other = banks_of(b, 0)
        assert await put(bench, *other[rng.randrange(len(other))]) == AxiResp.OKAY
        await absent(bench, uses(rng, loaded.b, 0), "one bank written")
        await load(bench, b, 0)
        await good(bench, uses(rng, b, 0))
        # A load that fails loses all.
        failing = work_of(rng, bank_first=4, n=TILE.cols)
        bench.ram.allow([], [])
        await bench.post(failing.job.words(), 3)
        assert await bench.completion(budget(failing)) == (3, Status.BUS_ERROR)
        bench.ram.broken.clear()
        await absent(bench, uses(rng, b, 0), "a load failed")
        await load(bench, b, 0)
        await good(bench, uses(rng, b, 0))
        # A use that fails takes nothing away.
        use = uses(rng, b, 0)
        bench.ram.allow([], [])
        await bench.post(use.job.words(), 4)
        assert await bench.completion(budget(use)) == (4, Status.BUS_ERROR)
        bench.ram.broken.clear()
        await good(bench, uses(rng, b, 0))
    await bench.reset(4)
    await absent(bench, uses(rng, b, 0), "reset")


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def port_is_shut_while_busy(dut):
    """While descriptors wait or run every access is refused, and nothing of it is done."""
    rng = random.Random(SEED)
    bench = await start(dut)
    b = matrix(rng, SIZE["k"], SIZE["n"])
    await load(bench, b, 0)
    refused = accepted = 0
    # A beat each, as a burst may be refused in part.
    step = CONFIG.bus_bytes
    shown = {
        address + n: content[n : n + step]
        for address, content in banks_of(b, 0)
        for n in range(0, len(content), step)
    }
    for number in range(12):
        works = [uses(rng, b, 0) for _ in range(2)]
        load_memory(bench, works[:1])
        stall_port(bench, rng.choice(["none", "half", "50"]), number)
        await bench.post(works[0].job.words(), number)
        done = cocotb.start_soon(bench.completion(budget(works[0])))
        while not done.done():
            address, content = rng.choice(list(shown.items()))
            garbage = rng.randbytes(len(content))
            if rng.getrandbits(1):
                resp = await put(bench, address, garbage)
                if resp == AxiResp.OKAY:
                    # Before the descriptor was seen it would have mattered; so it was over.
                    accepted += 1
                    shown[address] = garbage
                    assert await put(bench, address, content) == AxiResp.OKAY
                    shown[address] = content
            else:
                got = await bench.banks.read(address, len(content))
                resp = got.resp
                assert bytes(got.data) == (content if resp == AxiResp.OKAY else bytes(len(content)))
            refused += resp == AxiResp.SLVERR
        assert done.result() == (number, Status.OK)
        for address, row in works[0].results:
            assert bench.ram.memory.read(address, len(row)) == row
        # At once behind the completion it is open again.
        address, content = rng.choice(list(shown.items()))
        got = await bench.banks.read(address, len(content))
        assert (got.resp, bytes(got.data)) == (AxiResp.OKAY, content)
        await good(bench, works[1])
    assert refused >= 12, f"{refused} refused, {accepted} accepted"


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def port_is_shut_in_mid_burst(dut):
    """Beats before the first refused one are written, the last of them too; none behind it is."""
    rng = random.Random(SEED)
    bench = await start(dut)
    memory = await fill(bench, rng)
    b = matrix(rng, SIZE["k"], SIZE["n"])
    await load(bench, b, 0)
    step = CONFIG.bus_bytes
    # Words behind B that follow each other without a gap.
    first = 4 * BANK
    count = next(n for n in range(len(memory)) if first + n * step not in memory)
    held = [bytes(memory[first + n * step + x] for x in range(step)) for n in range(count)]
    spare = TILE.cols * BITS % 8

    def shown(address: int, byte: int) -> int:
        if address % ROW >= USED:
            return 0
        return byte & ((1 << spare) - 1) if spare and address % ROW == USED - 1 else byte

    async def run(number: int, work: Work) -> None:
        await bench.cycles(rng.randrange(40))
        await bench.post(work.job.words(), number)
        assert await bench.completion(budget(work)) == (number, Status.OK)

    cut = 0
    for number in range(24):
        work = uses(rng, b, 0)
        load_memory(bench, [work])
        running = cocotb.start_soon(run(number, work))
        new, resp = held, AxiResp.OKAY
        while resp == AxiResp.OKAY and not running.done():
            held = new
            content = bytes(shown(first + n, x) for n, x in enumerate(rng.randbytes(count * step)))
            new = [content[n : n + step] for n in range(0, len(content), step)]
            resp = await put(bench, first, content)
        await running
        got = bytes((await bench.banks.read(first, count * step)).data)
        words = [got[n : n + step] for n in range(0, len(got), step)]
        if resp == AxiResp.OKAY:
            held = new
        same = [x == y for x, y in zip(words, new, strict=True)]
        written = same.index(False) if False in same else count
        assert words == new[:written] + held[written:], f"{number}: word {written} of {count}"
        cut += 0 < written < count
        held = words
        for address, row in work.results:
            assert bench.ram.memory.read(address, len(row)) == row
    assert cut >= 4, f"{cut} bursts were cut"
