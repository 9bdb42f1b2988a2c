"""Cocotb tests of what a SIMD machine has of its own: its lanes, and what collects operands."""

import json
import os
import random

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from insitu.hdl.config import SimdConfig
from insitu.hdl.formats import Format, IntFormat
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.streams import stall_bits

GIVEN = json.loads(os.environ["INSITU_SIMD"])


async def start(dut) -> None:
    start_clock(dut)
    dut.valid.value, dut.rst.value = 0, 1
    await ClockCycles(dut.clk, 12)  # what is counted has no reset: it runs out
    dut.rst.value = 0


def packed(values, bits: int) -> int:
    """The first element in the low bits."""
    return sum((int(v) & ((1 << bits) - 1)) << bits * n for n, v in enumerate(values))


def drawn(rng: np.random.Generator, fmt: Format, signed: bool, count: int) -> np.ndarray:
    """Elements, some of them at their ends."""
    values = IntFormat(fmt.bits, signed).values
    if rng.random() < 0.3:
        return rng.choice([values.lo, values.hi], count)
    return rng.integers(values.lo, values.hi, count, endpoint=True)


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(gaps=["none", "half", "50", "90"])
async def lanes(dut, gaps):
    """Tiles of any size, k by k, one after the other: sums, their cycle, and what is counted."""
    config = SimdConfig(**GIVEN)
    await start(dut)
    rng, bits = np.random.default_rng(len(gaps)), stall_bits(gaps, 3)
    cols, wrap = config.cols, 1 << config.acc_bits
    sums: dict[int, list[int]] = {}  # what must be shown, by cycle
    counts: dict[int, int] = {}
    now = 0

    async def cycle() -> None:
        nonlocal now
        await RisingEdge(dut.clk)
        assert int(dut.o_valid.value) == (now in sums), f"cycle {now}"
        if now in sums:
            assert int(dut.o.value) == packed(sums.pop(now), config.acc_bits), f"cycle {now}"
        assert int(dut.nonzero.value) == counts.pop(now, 0), f"cycle {now}"
        now += 1

    for _ in range(30):
        rows, vectors = (int(rng.integers(1, most + 1)) for most in (config.rm, config.rn))
        depth = int(rng.integers(1, 7))
        signs, zeros = {}, {}
        for x, fmt in (("a", config.a), ("b", config.b)):
            signs[x] = bool(rng.integers(2)) if config.zero_points else fmt.signed
            zero = int(drawn(rng, fmt, signs[x], 1)[0]) if config.zero_points else 0
            zeros[x] = zero
            getattr(dut, f"i_{x}_signed").value = int(signs[x])
            getattr(dut, f"i_{x}_zero").value = zero & ((1 << fmt.bits) - 1)
        held = np.zeros((rows * vectors, cols), dtype=object)
        for k in range(depth):
            a = drawn(rng, config.a, signs["a"], rows)
            b = drawn(rng, config.b, signs["b"], vectors * cols).reshape(vectors, cols)
            if rng.random() < 0.3:
                a[0] = zeros["a"]
                b[0, 0] = zeros["b"]
            for at in range(rows * vectors):
                while next(bits):
                    dut.valid.value = 0
                    await cycle()
                row, vector = divmod(at, vectors)
                left, right = int(a[row]) - zeros["a"], b[vector].astype(object) - zeros["b"]
                held[at] += left * right
                dut.valid.value, dut.i_at.value = 1, at
                dut.i_a.value = packed([a[row]], config.a.bits)
                dut.i_b.value = packed(b[vector], config.b.bits)
                dut.i_first.value, dut.i_last.value = int(k == 0), int(k == depth - 1)
                if k == depth - 1:
                    sums[now + config.sums_latency] = [int(x) % wrap for x in held[at]]
                counts[now + config.count_latency] = int(np.sum((left != 0) & (right != 0)))
                await cycle()
        dut.valid.value = 0
        # Zero points are steady while anything is under way.
        for _ in range(config.sums_latency):
            await cycle()
    assert not sums
    assert not counts


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(gaps=["none", "half", "50"])
async def gather(dut, gaps):
    """Elements of accesses, each anywhere in its bus words, in words of any count, filled up."""
    size, per_beat, given = GIVEN["bits"], GIVEN["per_beat"], GIVEN["given"]
    await start(dut)
    rng, bits = random.Random(len(gaps)), stall_bits(gaps, 3)
    shown: list[tuple[int, int, int]] = []  # cycle, word, slot
    now = 0

    async def cycle() -> None:
        nonlocal now
        await RisingEdge(dut.clk)
        if int(dut.write.value):
            shown.append((now, int(dut.word.value), int(dut.slot.value)))
        now += 1

    expected = []
    for _ in range(150):
        count, pad, slot = rng.randint(1, given), rng.getrandbits(size), rng.getrandbits(1)
        elements = [rng.getrandbits(size) for _ in range(count)]
        left = elements.copy()
        while left:
            row = left[: rng.choice([1, len(left), rng.randint(1, len(left))])]
            del left[: len(row)]
            skip = rng.randrange(per_beat)
            beats = -(-(skip + len(row)) // per_beat)
            junk = [rng.getrandbits(size) for _ in range(beats * per_beat)]
            junk[skip : skip + len(row)] = row
            for beat in range(beats):
                while next(bits):
                    dut.valid.value, dut.i_data.value = 0, rng.getrandbits(size * per_beat)
                    dut.i_last.value = rng.getrandbits(1)
                    await cycle()
                dut.valid.value, dut.pad.value = 1, pad
                dut.i_data.value = packed(junk[beat * per_beat : (beat + 1) * per_beat], size)
                dut.i_last.value = int(beat == beats - 1)
                dut.i_tag_end.value, dut.i_tag_slot.value = int(not left), slot
                dut.i_tag_skip.value = skip
                dut.i_tag_tail.value = (skip + len(row) - 1) % per_beat + 1
                await cycle()
        filled = elements + [pad] * (given - count)
        expected.append((now - 1 + 2, packed(filled, size), slot))
    dut.valid.value = 0
    for _ in range(4):
        await cycle()
    assert shown == expected
