"""Random descriptors with their matrices in memory, and the windows that they may touch."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import MachineConfig
from insitu.hdl.formats import FloatFormat, Format
from insitu.program.blocks import fits
from insitu.program.codes import binary32, narrow
from insitu.program.descriptor import FLOAT_RESULTS, FORMATS, Descriptor
from insitu.program.memory import pack
from insitu.program.program import Program, operands, single
from insitu.program.target import Target
from insitu.sim_models import traffic
from insitu.sim_models.execute import execute, functional
from insitu.sim_models.numbers import golden_of

from .memory import Window

__all__ = ["Work", "draw", "normal_codes", "number_of", "tag_of", "with_matrices", "works_of"]

Ints = NDArray[np.int64]
TAGS = 1 << 16
# Odd, so no two of the 65,536 tags are equal; all bits change within a few descriptors.
SPREAD = 0x9E37


def tag_of(number: int) -> int:
    """The tag that descriptor ``number`` of a test is posted with."""
    return number * SPREAD % TAGS


def number_of(tag: int) -> int:
    """The descriptor, 0 to 65,535, that has this tag."""
    return tag * pow(SPREAD, -1, TAGS) % TAGS


@dataclass
class Work:
    """A descriptor, the memory that it reads, the bytes that C must have, and what is counted.

    ``ones``: planes of its vectors that have a one; ``b``: its B, that of the first matrix.
    """

    job: Descriptor
    pieces: list[tuple[int, bytes]]
    reads: list[Window]
    writes: list[Window]
    results: list[tuple[int, bytes]]
    counters: dict[str, int]
    ones: Ints | None = None
    b: Ints | None = None


def _round(value: int, step: int) -> int:
    return -(-value // step) * step


class _Layout:
    """Hands out memory from the bottom, with gaps, which are large with ``far``."""

    def __init__(self, rng: random.Random, bus_bytes: int, size: int, far: bool) -> None:
        self._rng, self._bus, self._size, self._far = rng, bus_bytes, size, far
        self.top = 0

    def apart(self, rows: int) -> int:
        """Bytes to leave between each of ``rows`` rows, so that eight such matrices fit."""
        if self._far:
            return self._bus * self._rng.randrange(self._size // 8 // rows // self._bus)
        return self._bus * self._rng.choice([0, 0, 1, 5])

    def place(self, length: int) -> int:
        most = self._size // 32 // self._bus if self._far else 40
        start = self.top + self._bus * self._rng.randint(0, most)
        self.top = start + _round(length, self._bus)
        if self.top > self._size:
            raise MemoryError("workload does not fit the memory")
        return start


def _element_range(fmt: Format, signed: bool) -> tuple[int, int]:
    return (
        (-(1 << (fmt.bits - 1)), (1 << (fmt.bits - 1)) - 1) if signed else (0, (1 << fmt.bits) - 1)
    )


STANDS_FOR = {"int32": "fp32", "int8": "e4m3", "uint8": "e5m2"}
"""Results of as many bytes, where tests ask for those of integers."""


def _of_floats(given: dict[str, Any]) -> dict[str, Any]:
    """Fields of a descriptor for machines of floating-point numbers instead."""
    found = {x: value for x, value in given.items() if x not in ("column_scale", "binary32")}
    if "format" in found:
        found["format"] = STANDS_FOR.get(found["format"], found["format"])
    return found


BINARY32 = FloatFormat("fp32", 8, 23)


def drawn_codes(values: np.random.Generator, fmt: FloatFormat, shape: tuple[int, int]) -> Ints:
    """Elements of ``fmt``: alike in magnitude, or of all that there are; in some matrices a few
    infinities and NaNs, zeros of both signs, subnormals, greatest ones."""
    top = fmt.top + 1 << fmt.fraction_bits
    reach = int(values.integers(1, top + 1)) if values.random() < 0.5 else top
    low = int(values.integers(0, top - reach + 1)) if values.random() < 0.5 else 0
    found = values.integers(low, min(low + reach, fmt.greatest + 1), shape)
    edges = [0, 1, (1 << fmt.fraction_bits) - 1, 1 << fmt.fraction_bits, fmt.greatest]
    found = np.where(values.random(shape) < 0.05, values.choice(edges, shape), found)
    if fmt.specials and values.random() < 0.3:
        rare = values.random(shape) < 0.5 / shape[1]
        specials = [fmt.nan] * fmt.has_nan + ([fmt.infinity] if fmt.has_infinity else [])
        found = np.where(rare, values.choice(specials, shape), found)
    negative = values.integers(0, 2, shape) if values.random() < 0.8 else 0
    return np.asarray(found | negative << fmt.bits - 1, np.int64)


def normal_codes(rng: np.random.Generator, fmt: FloatFormat, shape: tuple[int, int]) -> Ints:
    """Elements of ``fmt``: normally distributed, of variance 1, rounded."""
    return narrow(binary32(rng.normal(size=shape).astype(np.float32)), fmt)


def draw(
    config: MachineConfig,
    rng: random.Random,
    sizes: tuple[int, int, int],
    base: int,
    size: int,
    *,
    far: bool = False,
    held: Ints | None = None,
    same_b: bool | None = None,
    **given,
) -> Work:
    """A random legal descriptor of M × N × K = ``sizes``, its matrices in [base, base + size).

    ``far`` spreads matrices and their rows over all of that. ``given`` fixes fields of the
    descriptor. ``held``: B is in the banks already, and is this. ``same_b``: B is the same for the
    whole batch.
    """
    array, bus = config.array, config.bus_bytes
    if Target.of_shell(config).floats is not None:
        given = _of_floats(given)
    m, n, k = sizes
    values = np.random.default_rng(rng.getrandbits(32))
    zero_points, target = array.zero_points, Target.of_shell(config)
    golden, floats = golden_of(target), target.floats is not None
    job = Descriptor(
        m,
        n,
        k,
        a_transposed=rng.random() < 0.4,
        b_transposed=rng.random() < 0.4,
        a_signed=bool(rng.getrandbits(1)) if zero_points or array.a_either_sign else array.a.signed,
        b_signed=bool(rng.getrandbits(1)) if zero_points else array.b.signed,
        has_bias=bool(rng.getrandbits(1)),
        addend=rng.random() < 0.3,
        format=rng.choice(FLOAT_RESULTS if floats else FORMATS),
        column_scale=bool(rng.getrandbits(1)),
        binary32=bool(rng.getrandbits(1)),
        order=rng.getrandbits(1),
        batch=rng.choice([1, 1, 1, 2, 3]),
    )
    if array.banks:
        job = replace(job, bank_first=rng.randrange(array.banks) if rng.getrandbits(1) else 0)
    job = replace(job, **given)
    a_range, b_range = (
        _element_range(array.a, job.a_signed),
        _element_range(array.b, job.b_signed),
    )
    if zero_points and rng.random() < 0.7 and "a_zero" not in given:
        job = replace(job, a_zero=rng.randint(*a_range), b_zero=rng.randint(*b_range))
    if floats:
        job = replace(job, column_scale=False, binary32=False, saturate=bool(rng.getrandbits(1)))
    elif job.format != "int32":
        least, most = (-128, 127) if job.format == "int8" else (0, 255)
        low, high = sorted(rng.choices([least, most, rng.randint(least, most)], k=2))
        typical = 2.0 ** -rng.uniform(0, 30) * rng.uniform(0.5, 1)
        scale = float(np.float32(rng.choice([typical] * 8 + [2.0**-100, 2.0**20])))
        job = replace(job, zero=rng.randint(least, most), low=low, high=high, scale=scale)
    else:
        job = replace(job, column_scale=False)
    job = _with_blocks(config, rng, job, given)

    layout = _Layout(rng, bus, size, far)
    pieces, reads, writes, results = [], [], [], []

    def matrix(
        rows: int, cols: int, bits: int, bounds: tuple[int, int], flipped: bool, fmt: Any = None
    ):
        """``batch`` matrices in memory: address, stride, batch stride, values."""
        stored_rows, stored_cols = (cols, rows) if flipped else (rows, cols)
        row_bytes = _round(stored_cols * bits, 8) // 8
        stride = _round(row_bytes, bus) + layout.apart(stored_rows * job.batch)
        step = stored_rows * stride + bus * rng.randint(0, 3)
        start = layout.place(step * job.batch)
        found = []
        for number in range(job.batch):
            if rng.random() < 0.15:
                content = values.choice(bounds, (rows, cols))
            else:
                content = values.integers(bounds[0], bounds[1], (rows, cols), endpoint=True)
            if isinstance(fmt, FloatFormat):
                content = drawn_codes(values, fmt, (rows, cols))
            stored = content.T if flipped else content
            for r, row in enumerate(stored):
                pieces.append((base + start + number * step + r * stride, pack(row, bits)))
            reads.append(
                Window(base + start + number * step, stored_rows, _round(row_bytes, bus), stride)
            )
            found.append(content)
        return base + start, stride, step, found

    a_addr, a_stride, a_batch, a = matrix(m, k, array.a.bits, a_range, job.a_transposed, array.a)
    job = replace(job, a=a_addr, a_stride=a_stride, a_batch=a_batch)
    if held is None:
        b_addr, b_stride, b_batch, b = matrix(
            k, n, array.b.bits, b_range, job.b_transposed, array.b
        )
        if array.banks and (rng.getrandbits(1) if same_b is None else same_b):
            b_batch, b = 0, [b[0]] * job.batch
        job = replace(job, b=b_addr, b_stride=b_stride, b_batch=b_batch)
    else:
        # What is not used may be anything.
        anything: dict[str, Any] = {x: rng.getrandbits(32) for x in ("b_stride", "b_batch")}
        job = replace(job, load_b=False, b=rng.getrandbits(64), **anything)
        b = [held] * job.batch
    bias = scales = None
    int32 = (-(1 << 31), (1 << 31) - 1)
    d: list = [None] * job.batch
    if job.addend:
        d_addr, d_stride, d_batch, d = matrix(m, n, 32, int32, False, BINARY32 if floats else None)
        job = replace(job, d=d_addr, d_stride=d_stride, d_batch=d_batch)
    if job.has_bias:
        spread = rng.choice([100, 1 << 16, 1 << 31])
        bias = values.integers(-spread, spread, n)
        if floats:
            bias = drawn_codes(values, BINARY32, (1, n))[0]
        job = replace(job, bias=base + layout.place(4 * n))
        pieces.append((job.bias, pack(bias, 32)))
        reads.append(Window(job.bias, 1, _round(4 * n, bus), 1 << 30))
    if job.column_scale:
        scales = (job.scale * values.uniform(0.5, 2, n)).astype(np.float32)
        # Some put a sum of their column next to the edge between two results: there every bit of
        # the scale decides.
        int32_job = replace(job, format="int32")
        whole = golden.result(int32_job, a[0], b[0], bias=bias, d=d[0])
        sums = np.abs(whole[values.integers(m)])
        edges = (values.integers(0, 100, n) + 0.5) / np.maximum(sums, 1)
        scales = np.where(values.random(n) < 0.5, edges, scales).astype(np.float32)
        job = replace(job, scales=base + layout.place(4 * n))
        pieces.append((job.scales, scales.astype("<f4").tobytes()))
        reads.append(Window(job.scales, 1, _round(4 * n, bus), 1 << 30))

    bits = 8 * job.c_bytes
    stride = _round(n * bits // 8, bus) + layout.apart(m * job.batch)
    step = m * stride + bus * rng.randint(0, 2)
    start = base + layout.place(step * job.batch)
    job = replace(job, c=start, c_stride=stride, c_batch=step)
    for number in range(job.batch):
        c = golden.result(
            job,
            a[number],
            b[number],
            bias=bias,
            d=d[number],
            scales=scales,
        )
        for r in range(m):
            results.append((start + number * step + r * stride, pack(c[r], bits)))
        writes.append(Window(start + number * step, m, n * bits // 8, stride))
    counted = traffic.counters(config, job) | traffic.planes(config, job, a)
    counted["nonzero_macs"] = sum(
        traffic.nonzero_macs(job, golden.moving(left), golden.moving(right))
        for left, right in zip(a, b, strict=True)
    )
    ones = traffic.vector_planes(config, job, a) if array.banks else None
    return Work(job, pieces, reads, writes, results, counted, ones, b[0])


def works_of(
    config: MachineConfig,
    program: Program,
    inputs: Mapping[str, ArrayLike],
    banks: Mapping[int, Ints] | None = None,
) -> list[Work]:
    """A work for each descriptor of ``program``; what memory begins with is with the first one.

    ``banks``: B that is in the banks before, by its first bank.
    """
    _, done = execute(Target.of_shell(config), program, inputs, banks)
    pieces = [*program.image, *program.writes(inputs)]
    bus, works = config.bus_bytes, []
    for one in done:
        job, reads = one.job, []
        there = operands(job, config.a_bits, config.b_bits)
        for x in ("a", "b", "d") if job.load_b else ("a", "d"):
            if tensor := there.get(x):
                for number in range(job.batch):
                    at = tensor.address + number * tensor.step
                    length = _round(tensor.row_bytes, bus)
                    reads.append(Window(at, tensor.rows, length, tensor.stride))
        for address, vector in ((job.bias, one.bias), (job.scales, one.scales)):
            if vector is not None:
                reads.append(Window(address, 1, _round(4 * job.n, bus), 1 << 30))
        c = there["c"]
        writes = [
            Window(c.address + n * c.step, c.rows, c.row_bytes, c.stride) for n in range(c.count)
        ]
        counted = functional(config, one)
        ones = traffic.vector_planes(config, job, list(one.a)) if config.array.banks else None
        works.append(Work(job, pieces, reads, writes, one.c, counted, ones, one.b[0]))
        pieces = []
    return works


def with_matrices(
    config: MachineConfig,
    job: Descriptor,
    a: Ints,
    b: Ints,
    *,
    bias: Ints | None = None,
    scales: NDArray[np.float32] | None = None,
) -> Work:
    """A descriptor without D or batch that is placed, with these operands.

    Without ``load_b``, ``b`` is in the banks from a descriptor before.
    """
    program = single(job, b, bits=(config.a_bits, config.b_bits), bias=bias, scales=scales)
    banks = None if job.load_b else {job.bank_first: b}
    (work,) = works_of(config, program, {"a": a.T if job.a_transposed else a}, banks)
    return work


def _with_blocks(config: MachineConfig, rng: random.Random, job: Descriptor, given) -> Descriptor:
    """Random legal block sizes, or none."""
    if "m_block" in given or rng.random() < 0.25:
        return job
    granules = (config.m_granule, config.n_granule, config.k_granule)
    for _ in range(60):
        blocks: dict[str, Any] = {}
        for x, size, granule in zip("mnk", (job.m, job.n, job.k), granules, strict=True):
            most = max(1, min(size // granule + 1, 6))
            blocks[f"{x}_block"] = rng.choice([0, granule * rng.randint(1, most), granule])
        tried = replace(job, **blocks)
        if fits(config, tried):
            return tried
    return job
