"""Cocotb test of the checks of spans, against what Python says of them."""

import os
import random
from dataclasses import replace
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from insitu.hdl.config import load
from insitu.hdl.shell.extents import Extents
from insitu.program.descriptor import FORMATS, Descriptor
from insitu.program.spans import spans_fit
from insitu.verification.bench.clock import start_clock

CONFIG = load(os.environ["INSITU_CONFIG"], "generic").shell
ROUNDS = int(os.environ["INSITU_ROUNDS"])
WHOLE = 1 << CONFIG.addr_bits
WORD = CONFIG.bus_bytes


def near(rng: random.Random, value: int, most: int) -> int:
    """``value``, or a few bus words beside it; a multiple of a bus word from 0 to ``most``."""
    words = value // WORD + rng.choice((0, 0, 0, -1, 1, -2, 2))
    return min(max(words, 0) * WORD, most // WORD * WORD)


def anything(rng: random.Random, bits: int) -> int:
    """Of any magnitude."""
    return rng.getrandbits(bits) >> rng.randrange(bits)


def draw(rng: random.Random) -> Descriptor:
    """A descriptor whose matrices meet, or end with the address space, or nearly so."""
    small = rng.random() < 0.8
    m, n, k, batch = (
        rng.choice((1, 1, 2, 3, rng.randint(1, 40))) if small else max(1, anything(rng, 32))
        for _ in range(4)
    )
    job = Descriptor(
        m, n, k, batch=batch,
        a_transposed=rng.random() < 0.5, b_transposed=rng.random() < 0.5,
        has_bias=rng.random() < 0.3, addend=rng.random() < 0.7,
        column_scale=rng.random() < 0.3,
        format=rng.choice(("int32", "int32", "int8", "uint8")),
        load_b=not CONFIG.array.banks or rng.random() < 0.7,
    )  # fmt: skip
    row = n * (4 if job.format == "int32" else 1)
    step = near(rng, -(-row // WORD) * WORD, (1 << 32) - 1)
    matrix = near(rng, step * (m - 1) + row + WORD - 1, (1 << 32) - 1)
    steps = [step, matrix]
    if rng.random() < 0.3:  # a row of every matrix before the next row
        steps = [near(rng, step * (batch - 1) + row + WORD - 1, (1 << 32) - 1), step]
    if rng.random() < 0.2:
        steps[rng.randrange(2)] = anything(rng, 32) // WORD * WORD
    values: dict[str, Any] = {"c_stride": steps[0], "c_batch": steps[1]}
    for x in "abd":
        values |= {f"{x}_{y}": anything(rng, 32 if rng.random() < 0.1 else 8) // WORD * WORD
                   for y in ("stride", "batch")}  # fmt: skip
    job = replace(job, **values)
    span = row + (m - 1) * job.c_stride + (batch - 1) * job.c_batch
    room = max(0, WHOLE - span)
    c = near(rng, rng.choice((room, anything(rng, CONFIG.addr_bits))), WHOLE - WORD)
    places: dict[str, Any] = {"c": c}
    for x in ("a", "b", "d", "bias", "scales"):
        # Most of them far from C, or next to it at either side, so that one thing decides.
        places[x] = rng.choice(
            (near(rng, c + span, WHOLE - WORD), near(rng, c - 64, WHOLE - WORD),
             *(anything(rng, CONFIG.addr_bits) // WORD * WORD for _ in range(8)))
        )  # fmt: skip
    if job.addend and rng.random() < 0.7:
        values = {"d_stride": job.c_stride, "d_batch": job.c_batch}
        places["d"] = c
        if rng.random() < 0.2:
            values[rng.choice(list(values))] = anything(rng, 32) // WORD * WORD
        job = replace(job, **values)
    return replace(job, **places)


def show(dut, job: Descriptor) -> None:
    """The descriptor as a job that was parsed."""
    values = {name: getattr(job, name) for name in ("m", "n", "k", "batch", "addend")}
    for x in "abcd":
        values[f"{x}_addr"] = getattr(job, x)
        values |= {f"{x}_{y}": getattr(job, f"{x}_{y}") for y in ("stride", "batch")}
    values |= {"bias_addr": job.bias, "scale_addr": job.scales, "bias": job.has_bias}
    values |= {"format": FORMATS.index(job.format), "column_scale": job.column_scale}
    values |= {x: getattr(job, x) for x in ("a_transposed", "b_transposed")}
    if CONFIG.array.banks:
        values["load_b"] = job.load_b
    for name, value in values.items():
        getattr(dut, f"job_{name}").value = int(value)


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def refuses_what_it_must(dut):
    rng = random.Random(int(os.environ.get("INSITU_SEED", "1")))
    start_clock(dut)
    dut.start.value, dut.rst.value = 0, 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    seen: dict[tuple[bool, bool], int] = {}
    for _ in range(ROUNDS):
        job = draw(rng)
        show(dut, job)
        await ClockCycles(dut.clk, 4)
        dut.start.value = 1
        await RisingEdge(dut.clk)
        dut.start.value = 0
        await ClockCycles(dut.clk, Extents.LATENCY)
        assert dut.done.value == 1, "must be done after LATENCY cycles"
        expected = spans_fit(CONFIG, job)
        assert dut.bad.value == (not expected), f"must be {'good' if expected else 'bad'}: {job}"
        in_place = job.addend and job.c == job.d
        seen[in_place, expected] = seen.get((in_place, expected), 0) + 1
        await RisingEdge(dut.clk)
        assert dut.done.value == 0, "must be done for a cycle"
    assert len(seen) == 4, seen
    assert min(seen.values()) > ROUNDS // 50, seen
