"""Cocotb tests of a compact machine: products, refusals, memory beside C, counters."""

import json
import os
import random
from dataclasses import asdict, replace

import cocotb
import numpy as np

from insitu.hdl.config import ArrayConfig, CompactConfig
from insitu.hdl.contract.job import Status
from insitu.program.descriptor import Descriptor
from insitu.sim_models import golden
from insitu.sim_models.compact import counts
from insitu.verification.bench.compact import CompactBench

SEED = int(os.environ.get("INSITU_SEED", "1"))
COUNT = int(os.environ.get("INSITU_COUNT", "40"))
FIELDS = json.loads(os.environ["INSITU_COMPACT"])
CONFIG = CompactConfig(**FIELDS | {"array": ArrayConfig(**FIELDS["array"])})
SIZE = int(os.environ.get("INSITU_SPAN", CONFIG.memory))
"""Bytes of memory that are used and watched."""
EDGES = np.array([-(2**31), 2**31 - 1, 0, 1, -1])


def wide(n: int) -> int:
    """Bytes of a row, in whole words."""
    return -(-n // CONFIG.word_bytes) * CONFIG.word_bytes


class Case:
    """A descriptor with random operands somewhere in memory, and what must come of it."""

    def __init__(self, rng: random.Random, m: int, k: int, n: int, **fixed) -> None:
        draw = np.random.default_rng(rng.randrange(1 << 30))
        form = fixed.pop("format", rng.choice(["int32", "int8", "uint8"]))
        a_signed = fixed.pop("a_signed", rng.random() < 0.5)
        has_bias = fixed.pop("has_bias", rng.random() < 0.5)
        column_scale = fixed.pop("column_scale", rng.random() < 0.5)
        binary32 = fixed.pop("binary32", rng.random() < 0.5)
        extreme = fixed.pop("extreme", rng.random() < 0.2)
        self.a = draw.integers(-128, 128, (m, k)) if a_signed else draw.integers(0, 256, (m, k))
        self.b = draw.integers(-128, 128, (k, n))
        if extreme:
            self.a[:] = -128 if a_signed else 255
            self.b[:] = draw.choice([-128, 127], (1, n))
        self.bias = draw.integers(-(2**31), 2**31, n) if extreme else draw.integers(-4000, 4000, n)
        if extreme:
            self.bias[:1] = draw.choice(EDGES, 1)
        most = 2.0 ** draw.integers(-24, 3, n) * draw.uniform(1, 2, n) / (1 + k / 8)
        self.scales = most.astype(np.float32)
        if rng.random() < 0.2:
            self.scales[:] = draw.choice(
                np.array([2.0**-126, 2.0**127, 0.5, 2.0**23], np.float32), n
            )
        elif rng.random() < 0.5:
            # Sums next to the edge between two results, where the rules of rounding differ.
            total = self.a @ self.b + (self.bias if has_bias else 0)
            sums = np.abs(total[draw.integers(m)])
            self.scales = ((draw.integers(0, 100, n) + 0.5) / np.maximum(sums, 1)).astype(
                np.float32
            )
        lo, hi = (-128, 127) if form == "int8" else (0, 255)
        low, high = (
            sorted(rng.randint(lo, hi) for _ in range(2)) if rng.random() < 0.3 else (lo, hi)
        )
        size = 4 if form == "int32" else 1
        values = {"a": m * wide(k), "b": n * wide(k), "c": m * wide(n * size),
                  "bias": wide(4 * n), "scales": wide(4 * n)}  # fmt: skip
        gaps = {name: rng.choice([0, 0, 8, 24]) for name in "abc"}
        strides = {"a": wide(k), "b": wide(k), "c": wide(n * size)}
        counts_of = {"a": m, "b": n, "c": m}
        for name, gap in gaps.items():
            if sum(values.values()) + gap * counts_of[name] <= SIZE:
                strides[name] += gap
                values[name] += gap * counts_of[name]
        order, at = list(values), {}
        rng.shuffle(order)
        free = SIZE - sum(values.values())
        assert free >= 0, (m, k, n)
        place = 0
        for name in order:
            gap = rng.randrange(free // 8 + 1) * 8 if rng.random() < 0.5 else 0
            free, place = free - gap, place + gap
            at[name], place = place, place + values[name]
        self.places, self.strides = at, strides
        self.job = replace(
            Descriptor(
                m=m, n=n, k=k, a=at["a"], b=at["b"], c=at["c"], a_stride=strides["a"],
                b_stride=strides["b"], c_stride=strides["c"], bias=at["bias"], b_transposed=True,
                a_signed=a_signed, has_bias=has_bias, format=form, column_scale=column_scale,
                scale=float(self.scales[0]), scales=at["scales"], zero=rng.randint(lo, hi),
                low=low, high=high, binary32=binary32,
            ),
            **fixed,
        )  # fmt: skip

    def memory(self, rng: random.Random) -> bytearray:
        """Random but for what the job reads."""
        memory = bytearray(rng.randbytes(SIZE))
        kinds = {"a": self.a, "b": self.b.T}
        for name, rows in kinds.items():
            for n, row in enumerate(rows):
                start = self.places[name] + n * self.strides[name]
                memory[start : start + len(row)] = (row & 255).astype(np.uint8).tobytes()
        for name, row in (("bias", self.bias.astype("<i4")), ("scales", self.scales)):
            start = self.places[name]
            memory[start : start + row.nbytes] = row.tobytes()
        return memory

    def reads(self, addr: int) -> bool:
        """Whether the word at ``addr`` may be read."""
        spans = [
            (name, self.strides[name] * rows)
            for name, rows in (("a", self.job.m), ("b", self.job.n))
        ]
        spans += [("bias", wide(4 * self.job.n)), ("scales", wide(4 * self.job.n))]
        return any(self.places[name] <= addr < self.places[name] + size for name, size in spans)

    def after(self, memory: bytearray) -> bytes:
        """What memory must be after it."""
        job = self.job
        scales = self.scales if job.column_scale else None
        bias = self.bias if job.has_bias else None
        found = golden.result(job, self.a, self.b, acc_bits=32, bias=bias, scales=scales)
        kind = {"int32": "<i4", "int8": "i1", "uint8": "u1"}[job.format]
        expected = bytearray(memory)
        for n, row in enumerate(found.astype(kind)):
            start = job.c + n * job.c_stride
            expected[start : start + row.nbytes] = row.tobytes()
        return bytes(expected)


def sizes(rng: random.Random) -> tuple[int, int, int]:
    """Of a product that fits, small ones more often than not."""
    while True:
        m, n = (rng.choice([1, 2, 3, rng.randint(1, 20)]) for _ in range(2))
        k = rng.choice([1, 7, 8, 9, CONFIG.k_max, rng.randint(1, min(64, CONFIG.k_max))])
        if (m + n) * (wide(k) + 24) + 2 * m * (wide(4 * n) + 24) + 2 * wide(4 * n) <= SIZE:
            return m, k, n


async def check(bench: CompactBench, case: Case, rng: random.Random, tag: int) -> None:
    """One good descriptor: C, the memory beside it, its counters."""
    memory = case.memory(rng)
    await bench.put(bytes(memory))
    model = asdict(counts(CONFIG, case.job, case.scales))
    status, found = await bench.run(case.job.words(), tag, model["cycles"] + 4)
    assert status == Status.OK, (status, case.job)
    assert await bench.get(SIZE) == case.after(memory), case.job
    for name, value in found.items():
        if name in CONFIG.counters:
            assert value == model[name] % (1 << CONFIG.counter_bits), (name, value, model, case.job)
        else:
            assert value == 0, name


@cocotb.test()
async def products(dut):
    """Random products, back to back without reset."""
    rng = random.Random(SEED)
    bench = CompactBench(dut, SIZE)
    await bench.start()
    await check(bench, Case(rng, 1, 1, 1), rng, 0)
    most = CONFIG.k_max
    for m, k, n in ((1, most, 1), (CONFIG.array.rows + 1, most, 2), (5, 1, 3)):
        if (m + n) * wide(k) + 512 <= SIZE:
            await check(bench, Case(rng, m, k, n, extreme=k == most), rng, 7)
    for tag in range(COUNT):
        await check(bench, Case(rng, *sizes(rng)), rng, tag)
