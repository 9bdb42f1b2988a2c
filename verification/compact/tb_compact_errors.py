"""Cocotb tests of a compact machine: what it refuses, and what a host may do meanwhile."""

import random
from dataclasses import asdict

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles

from insitu.hdl.compact.check import PLACES
from insitu.hdl.contract.job import Status
from insitu.hdl.shell.registers import registers
from insitu.program import registers as regs
from insitu.sim_models.compact import counts
from insitu.verification.bench.compact import CompactBench
from insitu.verification.compact.tb_compact import CONFIG, SEED, SIZE, Case, check

FLAG = {field.name: 1 << field.low for field in registers()["descriptor_flags"].fields}
BUDGET = 400
"""Cycles in which a bad descriptor must have ended."""


def refusals(case: Case) -> list[tuple[str, int, Status]]:
    """Words that must not be, each by name, for a case that uses bias and scales per column."""
    job = case.job
    flags = job.words()[PLACES["flags"]]
    shape, far = Status.BAD_SHAPE, Status.MISALIGNED
    unsupported = Status.UNSUPPORTED
    found = [(size, 0, shape) for size in "mnk"]
    found += [(size, 1 << CONFIG.size_bits, unsupported) for size in "mn"]
    found += [(size, 1 << 31 | 1, unsupported) for size in "mnk"]
    found += [("k", CONFIG.k_max + 1, unsupported), ("k", 2 * CONFIG.k_max, unsupported)]
    for x in ("a", "b", "c", "bias"):
        place = getattr(job, x)
        found += [(f"{x}_low", place + bit, far) for bit in (1, 2, 4)]
        found += [(f"{x}_low", SIZE, shape), (f"{x}_low", 1 << 31, shape)]
        found += [(f"{x}_low", SIZE - 8, shape), (f"{x}_high", 1, unsupported)]
    for x in "abc":
        found += [(f"{x}_stride", getattr(job, f"{x}_stride") + 4, far)]
        found += [(f"{x}_stride", SIZE, shape), (f"{x}_stride", SIZE - 8, shape)]
    # C where something that is read begins, and where it ends.
    for x, rows in (("a", job.m), ("b", job.n)):
        place, stride = getattr(job, x), getattr(job, f"{x}_stride")
        found += [("c_low", place, shape), ("c_low", place + (rows - 1) * stride, shape)]
    found += [("c_low", job.bias, shape), ("c_low", job.scales, shape)]
    found += [("bias_low", job.c, shape), ("scale", job.c, shape)]
    found += [("scale", job.scales + 4, far), ("scale_high", 1, unsupported)]
    found += [("scale", SIZE, shape), ("scale", SIZE - 8, shape)]
    odd = ("a_transposed", "b_transposed", "b_signed", "addend", "order", "load_b")
    found += [("flags", flags ^ FLAG[name], unsupported) for name in odd]
    found += [("flags", flags ^ bit, unsupported) for bit in (1, 2, 1 << 20, 1 << 31)]
    found += [("flags", flags | 3 * FLAG["format"], unsupported)]
    found += [("zeros", 1, unsupported), ("zeros", 1 << 16, unsupported)]
    found += [(f"{x}_block", 8, unsupported) for x in "mnk"]
    found += [("batch", 2, unsupported), ("bank_first", 1, unsupported)]
    lowest = -128 & 1023
    found += [("clamp", 127 << 20 | 128 << 10, unsupported)]
    found += [("clamp", 127 << 20 | lowest << 10 | 128, unsupported)]
    found += [("clamp", lowest << 20 | 127 << 10, unsupported)]
    found += [("clamp", 127 << 20 | (-129 & 1023) << 10, unsupported)]
    return found


@cocotb.test()
async def refuses(dut):
    """Each field that cannot be: its status, no byte written, the next one exact."""
    rng = random.Random(SEED)
    bench = CompactBench(dut, SIZE)
    await bench.start()
    fixed = {"format": "int8", "has_bias": True, "column_scale": True, "extreme": False}
    case = Case(rng, 3, 9, 3, **fixed)
    memory = case.memory(rng)
    await bench.put(bytes(memory))
    good = case.job.words()
    for tag, (name, value, expected) in enumerate(refusals(case)):
        words = good.copy()
        words[PLACES[name]] = value
        status, found = await bench.run(words, tag, BUDGET)
        assert status == expected, (name, hex(value), Status(status), case.job)
        assert not any(v for n, v in found.items() if n != "cycles"), found
    for place in range(PLACES["reserved"], len(good)):
        words = good.copy()
        words[place] = 1
        assert (await bench.run(words, place, BUDGET))[0] == Status.UNSUPPORTED
    # One scale for all columns.
    words = good.copy()
    words[PLACES["flags"]] &= ~FLAG["column_scale"]
    for scale in (0, 1 << 31, 0x7FFFFF, 0x7F800000, 0x7FC00000, 0xBF800000):
        words[PLACES["scale"]] = scale
        assert (await bench.run(words, 3, BUDGET))[0] == Status.BAD_SCALE, hex(scale)
    assert await bench.get(SIZE) == memory
    await check(bench, case, rng, 9)


@cocotb.test()
async def accepts(dut):
    """What is not used may be anything; C may touch its neighbours and the memory's end."""
    rng = random.Random(SEED)
    bench = CompactBench(dut, SIZE)
    await bench.start()
    case = Case(rng, 2, 8, 3, format="int32", has_bias=False, a_signed=True)
    memory = case.memory(rng)
    await bench.put(bytes(memory))
    words = case.job.words()
    for name in ("d_low", "d_high", "d_stride", "bias_low", "bias_high", "scale", "scale_high",
                 "clamp", "a_batch", "b_batch", "c_batch", "d_batch"):  # fmt: skip
        words[PLACES[name]] = 0xFFFFFFFF
    words[PLACES["batch"]] = 0
    budget = counts(CONFIG, case.job).cycles + 20
    assert (await bench.run(words, 1, budget))[0] == Status.OK
    assert await bench.get(SIZE) == case.after(memory)
    # A, B and C without a gap, and C at the end; then one word further.
    case.strides["a"] = case.strides["b"] = 8
    words[PLACES["a_low"]], words[PLACES["a_stride"]] = SIZE - 16 - 24 - 32, 8
    words[PLACES["b_low"]], words[PLACES["b_stride"]] = SIZE - 24 - 32, 8
    words[PLACES["c_low"]], words[PLACES["c_stride"]] = SIZE - 32, 16
    assert (await bench.run(words, 2, budget))[0] == Status.OK
    words[PLACES["c_stride"]] = 24
    assert (await bench.run(words, 3, budget))[0] == Status.BAD_SHAPE
    words[PLACES["c_stride"]], words[PLACES["c_low"]] = 16, SIZE - 40
    assert (await bench.run(words, 4, budget))[0] == Status.BAD_SHAPE


@cocotb.test()
async def bad_column_scales(dut):
    """One in memory is found on the way; nothing beside C is written."""
    rng = random.Random(SEED)
    bench = CompactBench(dut, SIZE)
    await bench.start()
    for bad in (0, 0x80000000, 0x7F800000, 0x007FFFFF):
        for column in (0, 2, 4):
            case = Case(rng, 3, 9, 5, format="int8", column_scale=True, extreme=False)
            case.scales[column] = np.array(bad, np.uint32).view(np.float32)
            memory = case.memory(rng)
            await bench.put(bytes(memory))
            status, _ = await bench.run(case.job.words(), 1, 2000)
            assert status == Status.BAD_SCALE
            after = await bench.get(SIZE)
            inside = {
                case.job.c + row * case.job.c_stride + n for row in range(3) for n in range(5)
            }
            changed = {n for n, byte in enumerate(after) if byte != memory[n]}
            assert changed <= inside
            await check(bench, Case(rng, 2, 3, 2), rng, 2)


@cocotb.test()
async def aborts(dut):
    """At any time: it ends soon, nothing beside C is written, the next one is exact."""
    rng = random.Random(SEED)
    bench = CompactBench(dut, SIZE)
    await bench.start()
    for _ in range(12):
        case = Case(rng, 5, CONFIG.k_max, 6, extreme=False)
        memory = case.memory(rng)
        await bench.put(bytes(memory))
        cycles = counts(CONFIG, case.job, case.scales).cycles
        assert await bench.ring(case.job.words(), 5)
        await ClockCycles(dut.clk, rng.randint(1, cycles - 60))
        assert await bench.registers.read(regs.STATUS) & 0x1FF == 0x101
        assert await bench.registers.write(regs.CONTROL, 1)
        await ClockCycles(dut.clk, 200)
        word = await bench.registers.read(regs.COMPLETION)
        assert word == 1 << 31 | Status.ABORTED << 16 | 5
        assert await bench.registers.write(regs.COMPLETION_POP, 1)
        assert await bench.registers.read(regs.STATUS) == 0
        after, done = await bench.get(SIZE), case.after(memory)
        assert all(x in (y, z) for x, y, z in zip(after, memory, done, strict=True))
        await check(bench, Case(rng, 3, 9, 2), rng, 6)


@cocotb.test()
async def aborts_at_every_cycle(dut):
    """However soon after the doorbell, or late: an abort that comes before the end is not lost."""
    rng = random.Random(SEED)
    bench = CompactBench(dut, SIZE)
    await bench.start()
    case = Case(rng, 2, 9, 2, format="int8", has_bias=True, column_scale=False, extreme=False)
    memory = case.memory(rng)
    await bench.put(bytes(memory))
    cycles = counts(CONFIG, case.job, case.scales).cycles
    for delay in range(cycles + 10):
        assert await bench.ring(case.job.words(), delay)
        await ClockCycles(dut.clk, delay)
        assert await bench.registers.write(regs.CONTROL, 1)
        await ClockCycles(dut.clk, 200)
        word = await bench.registers.read(regs.COMPLETION)
        status = Status.ABORTED
        # The write takes two cycles more; the last ones of a descriptor store its counters.
        if delay > cycles - 24:
            status = Status(word >> 16 & 0xFF)
            assert status in (Status.OK, Status.ABORTED)
        if delay > cycles:
            assert status == Status.OK
        assert word == 1 << 31 | status << 16 | delay, delay
        assert await bench.registers.write(regs.COMPLETION_POP, 1)
    after, done = await bench.get(SIZE), case.after(memory)
    assert all(x in (y, z) for x, y, z in zip(after, memory, done, strict=True))
    await check(bench, Case(rng, 3, 9, 2), rng, 6)


@cocotb.test()
async def hosts_meanwhile(dut):
    """A host that reads and writes memory and registers slows the machine down, no more."""
    rng = random.Random(SEED)
    bench = CompactBench(dut, SIZE)
    await bench.start()
    for _ in range(8):
        case = Case(rng, 5, min(33, CONFIG.k_max), 4, extreme=False)
        memory = case.memory(rng)
        await bench.put(bytes(memory))
        model = asdict(counts(CONFIG, case.job, case.scales))
        words = case.job.words()
        assert await bench.ring(words, 0xABCD)
        # A second one is refused and changes nothing, nor does what is written to the window now.
        assert not await bench.registers.write(regs.DOORBELL, 1)
        assert await bench.registers.read(regs.STATUS) & 0x200
        assert await bench.registers.write(regs.STATUS, 0x200)
        assert await bench.registers.write(regs.DESCRIPTOR_M, 1)
        done = case.after(memory)
        free = (n for n in range(0, SIZE, 4) if not case.reads(n))
        gap = next(n for n in free if memory[n : n + 4] == done[n : n + 4])
        turns = 0
        while not (word := await bench.registers.read(regs.COMPLETION)) >> 31:
            turns += 1
            for _ in range(rng.randrange(4)):
                assert await bench.memory.read(gap) == int.from_bytes(
                    memory[gap : gap + 4], "little"
                )
                new = rng.randbytes(4)
                assert await bench.memory.write(gap, int.from_bytes(new, "little"))
                memory[gap : gap + 4] = new
        assert turns > 2
        assert word == 1 << 31 | 0xABCD
        low = await bench.registers.read(regs.COUNTERS)
        if "cycles" in CONFIG.counters:
            assert model["cycles"] <= low <= 2 * model["cycles"]
        # Refused as well until the completion is taken.
        assert not await bench.registers.write(regs.DOORBELL, 1)
        assert await bench.registers.write(regs.COMPLETION_POP, 1)
        assert await bench.registers.read(regs.STATUS) == 0x200
        assert await bench.registers.write(regs.STATUS, 0x200)
        assert await bench.get(SIZE) == case.after(memory)


@cocotb.test()
async def register_map(dut):
    """Identity and capabilities; what is no register reads as 0; beyond the map is an error."""
    bench = CompactBench(dut, SIZE)
    await bench.start()
    read = bench.registers.read
    assert await read(regs.ID) == int.from_bytes(b"GEMM", "little")
    assert await read(regs.VERSION) == 1 << 16 | 2
    assert (await read(regs.SUMS), await read(regs.N_MAX)) == (32, 0)
    assert await read(regs.CONFIG_HASH) == 0x12345678
    assert await read(regs.MAX_K) == CONFIG.k_max
    rows = CONFIG.array.rows
    assert await read(regs.GEOMETRY) == rows | 1 << 10 | 8 << 20
    assert await read(regs.BUFFER_A) == rows * CONFIG.k_max
    assert await read(regs.PROFILE) == 3
    capabilities = await read(regs.CAPABILITIES)
    for name, value in (("ENGINE", 1), ("ZERO_POINTS", 0), ("A_TRANSPOSED", 0), ("B_TRANSPOSED", 1),
                        ("REQUANTISE", 1), ("COLUMN_SCALE", 1), ("BINARY32", 1), ("ADDEND", 0),
                        ("A_BITS", 8), ("B_BITS", 8), ("QUEUE", 1), ("WORD_LOG2", 3),
                        ("SHORT_COUNTERS", 1), ("A_EITHER_SIGN", 1)):  # fmt: skip
        field = getattr(regs, f"CAPABILITIES_{name}")
        assert capabilities >> field.low & (1 << field.bits) - 1 == value, name
    known = {r.address + 4 * n for r in registers().values() for n in range(r.count)}
    for addr in range(0, 0x1000, 4):
        if addr not in known:
            assert await read(addr) == 0, hex(addr)
    for addr in (0x1000, 0x1000 | regs.DOORBELL, 0x3FFFFFFC):
        assert (await bench.registers._access(addr, 0, 0))[1]
        assert not await bench.registers.write(addr, 5)
    assert await read(regs.STATUS) == 0
    for addr in (SIZE, 0x3FFFFFFC):
        assert (await bench.memory._access(addr, 0, 0))[1]
        assert not await bench.memory.write(addr, 5)
