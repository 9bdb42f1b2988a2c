"""Cocotb tests of binary32 units: a number per cycle, against numpy, ml_dtypes and fractions."""

from fractions import Fraction

import cocotb
import ml_dtypes
import numpy as np
from cocotb.triggers import RisingEdge
from numpy.typing import NDArray

from insitu.hdl.arith.floats import Adder, Narrow, Rounder
from insitu.hdl.formats import FLOAT_FORMATS
from insitu.hdl.shell.finishing.exact import NARROW
from insitu.verification.bench.clock import start_clock

Codes = NDArray[np.uint32]
NAN = 0x7FC00000
TYPES = {
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
}
"""Who else has the format."""
EDGES = np.array(
    [0, 1, 2, 0x7FFFFF, 0x800000, 0x800001, 0x33000000, 0x33800000, 0x3F800000, 0x7F7FFFFF,
     0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF], np.uint32,
)  # fmt: skip
EDGES = np.concatenate([EDGES, EDGES | np.uint32(1 << 31)])
SHAPES = {"e4m3": (54, -18), "few": (24, -3), "fp16": (98, -48)}
"""Bits and unit of a rounder."""


async def streamed(dut, latency: int, **given) -> list[int]:
    """``y`` for each of the values ``given`` by port, one per cycle."""
    count, found = len(next(iter(given.values()))), []
    for n in range(count + latency):
        for name, values in given.items():
            getattr(dut, name).value = int(values[min(n, count - 1)])
        await RisingEdge(dut.clk)
        if n >= latency:
            found.append(int(dut.y.value))
    return found


def compare(found: list[int], expected: NDArray[np.int64], *given) -> None:
    wrong = np.flatnonzero(np.array(found) != expected)
    told = [[hex(int(x[n])) for x in (*given, found, expected)] for n in wrong[:5]]
    assert not len(wrong), f"{len(wrong)} of {len(found)} differ: {told}"


def anything(rng: np.random.Generator, count: int) -> Codes:
    """Codes of binary32, a tenth of them edges."""
    found = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    return np.where(rng.random(count) < 0.1, rng.choice(EDGES, count), found)


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def adder(dut):
    start_clock(dut)
    dut.rst.value = 0
    rng, count = np.random.default_rng(1), 30000
    a, b = anything(rng, count), anything(rng, count)
    # Exponents near each other, fractions alike: what cancels and what is rounded at a tie.
    near = np.clip((a >> 23 & 255).astype(int) + rng.integers(-27, 28, count), 0, 255)
    alike = (a & 0x7FFFFF) ^ rng.integers(0, 1 << rng.integers(1, 23, count), dtype=np.uint32)
    close = alike | near.astype(np.uint32) << 23 | rng.integers(0, 2, count, dtype=np.uint32) << 31
    b = np.where(rng.random(count) < 0.6, close.astype(np.uint32), b)
    small = rng.integers(0, 1 << 25, count, dtype=np.uint32)  # subnormals and the first normal ones
    a, b = np.where(rng.random(count) < 0.1, small, a), np.where(rng.random(count) < 0.1, small, b)
    pairs = np.array(np.meshgrid(EDGES, EDGES)).reshape(2, -1)
    a, b = np.concatenate([a, pairs[0]]), np.concatenate([b, pairs[1]])
    with np.errstate(all="ignore"):
        total = a.view(np.float32) + b.view(np.float32)
    expected = np.where(np.isnan(total), NAN, total.view(np.uint32)).astype(np.int64)
    compare(await streamed(dut, Adder.LATENCY, a=a, b=b), expected, a, b)


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def narrow(dut):
    start_clock(dut)
    dut.rst.value = 0
    rng = np.random.default_rng(2)
    for choice, name in enumerate(NARROW):
        fmt, kind = FLOAT_FORMATS[name], np.dtype(TYPES[name])
        code = np.uint8 if fmt.bits == 8 else np.uint16
        codes = rng.permutation(1 << fmt.bits)[:3000].astype(code)
        with np.errstate(all="ignore"):
            values = codes.view(kind).astype(np.float32)
            # Half way to the next one, and a step of binary32 to each side of that.
            after = ((codes.astype(int) + 1).astype(code)).view(kind).astype(np.float32)
            half = ((values.astype(float) + after) / 2).astype(np.float32).view(np.uint32)
            some = (rng.normal(size=4000) * 2.0 ** rng.integers(-30, 20, 4000)).astype(np.float32)
        x = np.concatenate([
            values.view(np.uint32), half, half + np.uint32(1), half - np.uint32(1),
            some.view(np.uint32), anything(rng, 2000), EDGES,
        ])  # fmt: skip
        with np.errstate(all="ignore"):
            y = x.view(np.float32).astype(kind)
            back, given = y.astype(np.float32), x.view(np.float32)
        plain = np.where(np.isnan(back), fmt.nan, y.view(code).astype(np.int64))
        over = ~np.isnan(given) & ~np.isfinite(back)
        most = fmt.greatest | (x >> 31).astype(np.int64) << fmt.bits - 1
        dut.choice.value = choice
        for saturates in (0, 1):
            dut.saturates.value = saturates
            expected = np.where(over, most, plain) if saturates else plain
            compare(await streamed(dut, Narrow.LATENCY, x=x), expected, x)


def nearest(value: int, unit: int) -> int:
    """Code of binary32 that is nearest to ``value · 2^unit``, by fractions."""
    if value == 0:
        return 0
    size = Fraction(abs(value)) * Fraction(2) ** unit
    exponent = abs(value).bit_length() - 1 + unit
    # Python rounds fractions half to even.
    significand = round(size / Fraction(2) ** (exponent - 23))
    return (exponent + 126 << 23) + significand | (value < 0) << 31


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def rounder(dut):
    start_clock(dut)
    dut.rst.value = 0
    rng = np.random.default_rng(3)
    for name in ("nan", "positive", "negative"):
        getattr(dut, name).value = 0
    bits = len(dut.x)
    unit = next(unit for size, unit in SHAPES.values() if size == bits)
    latency = Rounder(bits, unit).latency
    values = [0, 1, -1, (1 << bits - 1) - 1, -(1 << bits - 1)]
    for _ in range(4000):
        drawn = int.from_bytes(rng.bytes(16), "little") >> int(rng.integers(129 - bits, 128))
        # Ties, and a step beside them, at every place.
        places = max(0, drawn.bit_length() - 24)
        if places and rng.random() < 0.6:
            drawn = drawn >> places << places | 1 << places - 1
            drawn += int(rng.integers(-1, 2))
        values.append(-drawn if rng.random() < 0.5 else drawn)
    expected = np.array([nearest(value, unit) for value in values])
    compare(await streamed(dut, latency, x=values), expected, values)
    for flags, y in (
        ("nan", NAN), ("positive", 0x7F800000), ("negative", 0xFF800000),
        ("positive negative", NAN), ("nan negative", NAN),
    ):  # fmt: skip
        given = {name: [1] for name in flags.split()}
        found = await streamed(dut, latency, x=[5], **given)
        assert found == [y], flags
        for name in given:
            getattr(dut, name).value = 0
