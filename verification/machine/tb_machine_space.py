"""Cocotb tests of where matrices lie in a machine's address space, and of what registers tell."""

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import cocotb

from insitu.hdl.config import load
from insitu.hdl.config.numbers import number_of
from insitu.hdl.contract.job import Status
from insitu.hdl.formats import FLOAT_FORMATS
from insitu.hdl.shell.registers import registers
from insitu.verification.bench.memory import Window
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
    small,
    start,
)

REGS = registers()
HASH = int(load(os.environ["INSITU_CONFIG"], "generic").hash, 16)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def far_apart(dut):
    """Matrices and their rows all over the address space."""
    rng = random.Random(SEED)
    whole = 1 << CONFIG.addr_bits
    bench = await start(dut, whole)
    for number in range(60):
        sizes = (rng.randint(1, 9), rng.randint(1, 9), rng.randint(1, 9))
        addend: dict[str, Any] = {"addend": True} if number % 3 else {}
        work = draw(CONFIG, rng, sizes, 0, whole, far=True, **addend)
        load_memory(bench, [work])
        await bench.post(work.job.words(), number)
        await check(bench, work, number, number)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def spans(dut):
    """C over what is read, or beyond the address space, is refused before anything is written."""
    rng = random.Random(SEED)
    bench = await start(dut)
    word = CONFIG.bus_bytes
    for number in range(36):
        fields: dict[str, Any] = {"addend": True, "has_bias": True, "format": "uint8"}
        fields["column_scale"] = True
        if number < 24:
            work = small(rng, **fields)
        else:  # rows longer than 16 KiB, of D and vectors up to 512 KiB
            k = rng.randint(1 << 14, min(CONFIG.array.max_k, 40_000))
            sizes = (2, 2, k) if number % 6 < 2 else (2, rng.randint(1 << 12, 1 << 17), 3)
            stored: dict[str, Any] = {
                "a_transposed": False,
                "b_transposed": number % 6 == 1,
                "batch": 1,
            }
            work = draw(CONFIG, rng, sizes, 0, 2 * HALF, m_block=0, **fields, **stored)
        job = work.job
        last = {  # the last bus word of each
            "a": job.a + (job.batch - 1) * job.a_batch,
            "b": job.b + (job.batch - 1) * job.b_batch,
            "d": job.d + (job.batch - 1) * job.d_batch,
            "bias": job.bias + (4 * job.n - 1) // word * word,
            "scales": job.scales + (4 * job.n - 1) // word * word,
        }
        array = CONFIG.array
        for x, shape, flipped, bits in (
            ("a", (job.m, job.k), job.a_transposed, array.a.bits),
            ("b", (job.k, job.n), job.b_transposed, array.b.bits),
            ("d", (job.m, job.n), False, 32),
        ):
            rows, cols = shape[::-1] if flipped else shape
            last[x] += (rows - 1) * getattr(job, f"{x}_stride")
            last[x] += ((cols * bits + 7) // 8 - 1) // word * word
        if FLOATS:
            del last["scales"]
        over = (*last, "end")[number % (len(last) + 1)]
        c = (1 << CONFIG.addr_bits) - word if over == "end" else last[over]
        load_memory(bench, [work])
        bench.ram.allow(work.reads, [])
        await bench.post(replace(job, c=c).words(), number)
        got = await bench.completion(budget(work))
        assert got == (number, Status.BAD_SHAPE), f"C over {over}: {got}, {job}"
        assert not bench.ram.broken, f"C over {over}: {bench.ram.broken[:3]}"
        await run_one(bench, rng, 100 + number, twice=number % 6 == 5)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def accumulates_in_place(dut):
    """D may be C itself, matrix by matrix; of a single one the steps need not be the same.

    Rows that lie on one another would be read before they are written: that is refused.
    """
    rng = random.Random(SEED)
    bench = await start(dut)
    for number in range(12):
        batch = (1, 2, 3)[number % 3]
        work = small(rng, addend=True, format="int32", batch=batch, order=number % 2)
        job = work.job
        step = job.d_batch if batch > 1 else rng.getrandbits(32)
        work.job = replace(job, c=job.d, c_stride=job.d_stride, c_batch=step)
        work.results = [
            (job.d + n // job.m * job.d_batch + n % job.m * job.d_stride, row)
            for n, (_, row) in enumerate(work.results)
        ]
        work.writes = [
            Window(job.d + n * job.d_batch, job.m, 4 * job.n, job.d_stride) for n in range(batch)
        ]
        load_memory(bench, [work])
        await bench.post(work.job.words(), number)
        await check(bench, work, number, number)
        bench.ram.allow(None, [])  # rows are read from where D says until it is known
        laps: list[dict[str, Any]] = []
        if job.m > 1:
            laps.append({"c_stride": 0, "d_stride": 0})
        if batch > 1:
            laps += [{"c_batch": 0, "d_batch": 0}]
            step = (job.m - 1) * job.d_stride
            laps.append({"c_batch": step, "d_batch": step})
        for fields in laps:
            await bench.post(replace(work.job, **fields).words(), 50)
            got = await bench.completion(budget(work))
            assert got == (50, Status.BAD_SHAPE), f"{fields}: {got}, {work.job}"
            assert not bench.ram.broken, f"{fields}: {bench.ram.broken[:3]}, {work.job}"


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def spans_beyond(dut):
    """What is larger than the address space is refused before anything is written.

    Its end, modulo the address space, is where a small matrix would end.
    """
    rng = random.Random(SEED)
    whole = 1 << CONFIG.addr_bits
    bench = await start(dut)
    cases: list[dict[str, Any]] = [{"format": "int32", "b_transposed": False, "n": whole // 4}]
    for x in "abcd":
        cases += [{f"{x}_stride": whole // 8}, {f"{x}_batch": whole // 2, "batch": 3}]
    for number, fields in enumerate(cases):
        given: dict[str, Any] = {
            x: value for x, value in fields.items() if x in ("format", "b_transposed")
        }
        # Narrow blocks: the one under way when it is refused goes on to its end.
        given |= {"addend": True, "batch": 1, "m_block": 0, "n_block": CONFIG.n_granule}
        job = draw(CONFIG, rng, (9, 9, 9), 0, HALF, **given).job
        bench.ram.allow(None, [])  # rows are read from anywhere until the end is known
        await bench.post(replace(job, **fields).words(), number)
        got = await bench.completion(20_000)
        assert got == (number, Status.BAD_SHAPE), f"{fields}: {got}, {job}"
        assert not bench.ram.broken, f"{fields}: {bench.ram.broken[:3]}"
        await run_one(bench, rng, 100 + number)


def long_spans(rng: random.Random) -> Iterator[tuple[str, dict[str, Any], int]]:
    """A matrix, fields to replace, bytes from its first row to its last, which is too far away.

    Each bit of each factor decides once: steps between rows and between matrices, and how many.
    """
    least, whole = CONFIG.bus_bytes.bit_length() - 1, CONFIG.addr_bits
    for apart in ("stride", "batch"):
        pairs = [(count, rng.randint(max(least, 24 - count), 31)) for count in range(32)]
        pairs += [(rng.randint(max(0, 24 - step), 31), step) for step in range(least, 32)]
        for number, (count, step) in enumerate(pairs):
            x = "abcd"[number % 4]
            counted = "batch" if apart == "batch" else "n" if x == "b" else "m"
            fields = {counted: (1 << count) + 1, f"{x}_{apart}": 1 << step}
            yield x, fields, 1 << min(whole, count + step)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def spans_by_bits(dut):
    """Whichever bits of counts and steps lead out of the address space, that is noticed."""
    rng = random.Random(SEED)
    whole = 1 << CONFIG.addr_bits
    bench = await start(dut)
    steps = {f"{x}_{apart}": 0 for x in "abcd" for apart in ("stride", "batch")}
    blocks: dict[str, Any] = {"m_block": CONFIG.m_granule, "n_block": CONFIG.n_granule}
    for number, (x, fields, length) in enumerate(long_spans(rng)):
        job = draw(
            CONFIG, rng, (1, 1, 9), 0, HALF, **blocks, batch=1,
            a_transposed=False, b_transposed=True, addend=x == "d",
            has_bias=False, column_scale=False,
        ).job  # fmt: skip
        # The last row begins where the address space ends, or beyond.
        place = getattr(job, x) if length == whole else whole - length
        bench.ram.allow(None, [])
        await bench.post(replace(job, **steps | {x: place} | fields).words(), number)
        got = await bench.completion(20_000)
        assert got == (number, Status.BAD_SHAPE), f"{x}, {fields}: {got}, {job}"
        assert not bench.ram.broken, f"{x}, {fields}: {bench.ram.broken[:3]}"
    await run_one(bench, rng, 1000)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def registers_and_interrupt(dut):
    """What the configuration fixes is shown; the interrupt follows completions."""
    rng = random.Random(SEED)
    bench = await start(dut)
    array, kind = CONFIG.array, number_of(CONFIG.array)

    async def field(name: str, part: str) -> int:
        place = REGS[name][part]
        return await bench.read(name) >> place.low & (1 << place.bits) - 1

    assert await bench.read("id") == int.from_bytes(b"GEMM", "little")
    assert await bench.read("version") == 0x00010000 | kind.minor
    bits = await field("sums", "bits") | await field("sums", "bits_high") << 6
    assert bits == array.acc_bits
    for n, x in enumerate("ab"):
        code = 1 + list(FLOAT_FORMATS).index(FLOATS[n].name) if FLOATS else 0
        assert await field("profile", f"{x}_format") == code
    assert await bench.read("n_max") == CONFIG.n_max
    assert await bench.read("config_hash") == HASH
    for name, value in (("rows", array.rows), ("cols", array.cols), ("dot", array.dot)):
        assert await field("geometry", name) == value
    for name, value in (("a_bits", array.a.bits), ("b_bits", array.b.bits)):
        assert await field("capabilities", name) == value
    assert await field("capabilities", "queue") == CONFIG.queue
    assert 1 << await field("capabilities", "word_log2") == CONFIG.bus_bytes
    for name in "abc":
        assert await bench.read(f"buffer_{name}") == getattr(CONFIG, f"{name}_bytes")
    assert await bench.read("banks") == array.banks
    assert await field("capabilities", "a_either_sign") == int(array.a_either_sign)
    assert await field("capabilities", "bank_port") == int(array.bank_port)
    for name in ("requantise", "column_scale", "binary32"):
        assert await field("capabilities", name) == int(FLOATS is None)
    assert await bench.read("max_k") == min(array.max_k, (1 << 32) - 1)
    # A word of the window in parts: bytes that are not written stay.
    window, image = REGS["descriptor_m"].address, bytearray(rng.randbytes(8))
    await bench.port.write_span(window, bytes(image))
    for first, last in combinations(range(9), 2):
        part = rng.randbytes(last - first)
        await bench.port.write_span(window + first, part)
        image[first:last] = part
        assert await bench.port.read_span(window, 8) == image
    for number, mask in enumerate((0b00, 0b01, 0b10, 0b11)):
        await bench.write("irq_mask", mask)
        work = small(rng)
        load_memory(bench, [work])
        for job, status in ((work.job, 0b01), (replace(work.job, m=0), 0b11)):
            await bench.post(job.words(), number)
            await bench.completion(budget(work))
            assert await bench.read("irq_status") == status
            assert dut.irq.value == bool(status & mask)
            await bench.write("irq_status", status)
            await bench.cycles(2)
            assert dut.irq.value == 0
