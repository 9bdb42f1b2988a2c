"""Random descriptors with their matrices in memory, and the windows that they may touch."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdl.config import MachineConfig
from hdl.config.machine import BLOCK_BITS
from hdl.formats import IntFormat
from sim_models import traffic
from sim_models.descriptor import Descriptor, blocks_of, fits

from .memory import Window

__all__ = [
    "Banks",
    "Work",
    "draw",
    "draw_all",
    "draw_largest",
    "draw_thrice",
    "random_sizes",
    "with_matrices",
]

Ints = NDArray[np.int64]


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


BLOCKS = ("m_block", "n_block", "k_block")
SKEWED = [(1, 1, 5000), (2000, 3, 9), (1, 700, 5), (3, 2, 900)]


def random_sizes(kind: str, rng: random.Random, count: int) -> list[tuple[int, int, int]]:
    """M, N, K: ``uniform-<most>``, or ``log-<most>``: log-uniform, with skewed ones among them."""
    law, most = kind.split("-")
    found: list[tuple[int, int, int]] = []
    while len(found) < count:
        if law == "uniform":
            m, n, k = (rng.randint(1, int(most)) for _ in range(3))
        elif rng.random() < 0.04:
            m, n, k = rng.choice(SKEWED)
        else:
            m, n, k = (round(int(most) ** rng.random()) for _ in range(3))
        if law == "uniform" or m * n * k < 60_000:
            found.append((m, n, k))
    return found


def _round(value: int, step: int) -> int:
    return -(-value // step) * step


def _pack(values: Ints, bits: int) -> bytes:
    """A row of elements, little-endian."""
    raw = values.astype(np.int64) & ((1 << bits) - 1)
    if bits == 4:
        raw = np.append(raw, 0) if len(raw) % 2 else raw
        return (raw[0::2] | raw[1::2] << 4).astype(np.uint8).tobytes()
    return raw.astype(f"<u{bits // 8}").tobytes()


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


def _element_range(fmt: IntFormat, signed: bool) -> tuple[int, int]:
    return (
        (-(1 << (fmt.bits - 1)), (1 << (fmt.bits - 1)) - 1) if signed else (0, (1 << fmt.bits) - 1)
    )


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
    m, n, k = sizes
    values = np.random.default_rng(rng.getrandbits(32))
    zero_points = array.zero_points
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
        format=rng.choice(["int32", "int8", "uint8"]),
        column_scale=bool(rng.getrandbits(1)),
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
    if job.format != "int32":
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

    def matrix(rows: int, cols: int, bits: int, bounds: tuple[int, int], flipped: bool):
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
            stored = content.T if flipped else content
            for r, row in enumerate(stored):
                pieces.append((base + start + number * step + r * stride, _pack(row, bits)))
            reads.append(
                Window(base + start + number * step, stored_rows, _round(row_bytes, bus), stride)
            )
            found.append(content)
        return base + start, stride, step, found

    a_addr, a_stride, a_batch, a = matrix(m, k, array.a.bits, a_range, job.a_transposed)
    job = replace(job, a=a_addr, a_stride=a_stride, a_batch=a_batch)
    if held is None:
        b_addr, b_stride, b_batch, b = matrix(k, n, array.b.bits, b_range, job.b_transposed)
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
        d_addr, d_stride, d_batch, d = matrix(m, n, 32, int32, False)
        job = replace(job, d=d_addr, d_stride=d_stride, d_batch=d_batch)
    if job.has_bias:
        spread = rng.choice([100, 1 << 16, 1 << 31])
        bias = values.integers(-spread, spread, n)
        job = replace(job, bias=base + layout.place(4 * n))
        pieces.append((job.bias, _pack(bias, 32)))
        reads.append(Window(job.bias, 1, _round(4 * n, bus), 1 << 30))
    if job.column_scale:
        scales = (job.scale * values.uniform(0.5, 2, n)).astype(np.float32)
        # Some put a sum of their column next to the edge between two results: there every bit of
        # the scale decides.
        whole = replace(job, format="int32").result(a[0], b[0], bias=bias, d=d[0])
        sums = np.abs(whole[values.integers(m)])
        edges = (values.integers(0, 100, n) + 0.5) / np.maximum(sums, 1)
        scales = np.where(values.random(n) < 0.5, edges, scales).astype(np.float32)
        job = replace(job, scales=base + layout.place(4 * n))
        pieces.append((job.scales, scales.astype("<f4").tobytes()))
        reads.append(Window(job.scales, 1, _round(4 * n, bus), 1 << 30))

    bits = 32 if job.format == "int32" else 8
    stride = _round(n * bits // 8, bus) + layout.apart(m * job.batch)
    step = m * stride + bus * rng.randint(0, 2)
    start = base + layout.place(step * job.batch)
    job = replace(job, c=start, c_stride=stride, c_batch=step)
    for number in range(job.batch):
        c = job.result(a[number], b[number], bias=bias, d=d[number], scales=scales)
        for r in range(m):
            results.append((start + number * step + r * stride, _pack(c[r], bits)))
        writes.append(Window(start + number * step, m, n * bits // 8, stride))
    counted = traffic.counters(config, job) | traffic.planes(config, job, a)
    counted["nonzero_macs"] = sum(
        traffic.nonzero_macs(job, left, right) for left, right in zip(a, b, strict=True)
    )
    ones = traffic.vector_planes(config, job, a) if array.banks else None
    return Work(job, pieces, reads, writes, results, counted, ones, b[0])


def with_matrices(
    config: MachineConfig,
    job: Descriptor,
    a: Ints,
    b: Ints,
    *,
    bias: Ints | None = None,
    scales: NDArray[np.float32] | None = None,
    a_is_there: bool = False,
) -> Work:
    """A descriptor without D or batch, as :func:`sim_models.network.placed` has laid it out.

    With ``a_is_there`` an earlier descriptor writes A.
    """
    array, bus = config.array, config.bus_bytes
    pieces, reads = [], []
    for start, stride, bits, flipped, values, is_there in (
        (job.a, job.a_stride, array.a.bits, job.a_transposed, a, a_is_there),
        (job.b, job.b_stride, array.b.bits, job.b_transposed, b, False),
    ):
        rows = [_pack(row, bits) for row in (values.T if flipped else values)]
        if not is_there:
            pieces += [(start + n * stride, row) for n, row in enumerate(rows)]
        reads.append(Window(start, len(rows), _round(len(rows[0]), bus), stride))
    for start, content in (
        (job.bias, None if bias is None else _pack(bias, 32)),
        (job.scales, None if scales is None else scales.astype("<f4").tobytes()),
    ):
        if content is not None:
            pieces.append((start, content))
            reads.append(Window(start, 1, _round(len(content), bus), 1 << 30))
    bits = 32 if job.format == "int32" else 8
    c = job.result(a, b, bias=bias, scales=scales)
    results = [(job.c + n * job.c_stride, _pack(row, bits)) for n, row in enumerate(c)]
    writes = [Window(job.c, job.m, job.n * bits // 8, job.c_stride)]
    counted = traffic.counters(config, job) | traffic.planes(config, job, [a])
    counted["nonzero_macs"] = traffic.nonzero_macs(job, a, b)
    ones = traffic.vector_planes(config, job, [a]) if array.banks else None
    return Work(job, pieces, reads, writes, results, counted, ones, b)


class Banks:
    """What the engine's banks hold behind good descriptors.

    ``held``: matrices by their first bank.
    """

    def __init__(self, config: MachineConfig) -> None:
        self._config = config
        self.held: dict[int, Ints] = {}

    def _end(self, first: int, b: Ints) -> int:
        array = self._config.array
        return first + -(-b.shape[0] // array.rows) * -(-b.shape[1] // array.cols)

    def choose(
        self, rng: random.Random, sizes: tuple[int, int, int]
    ) -> tuple[tuple[int, int, int], dict[str, Any]]:
        """M, N, K and what is fixed of the next descriptor: some use a B that is there."""
        if not self.held or rng.random() < 0.6:
            return sizes, {}
        first, b = rng.choice(list(self.held.items()))
        k, n = b.shape
        return (min(sizes[0], 40), n, k), {"bank_first": first, "held": b}

    def follow(self, work: Work) -> None:
        """``work`` comes next."""
        array, job = self._config.array, work.job
        if not array.banks or not job.load_b:
            return
        assert work.b is not None
        is_resident = blocks_of(self._config, job).b_kept
        end = self._end(job.bank_first, work.b) if is_resident else array.banks
        self.held = {
            first: b
            for first, b in self.held.items()
            if first >= end or self._end(first, b) <= job.bank_first
        }
        if is_resident:
            self.held[job.bank_first] = work.b


def draw_all(
    config: MachineConfig,
    rng: random.Random,
    sizes: Iterable[tuple[int, int, int]],
    *,
    wanted: Callable[[Descriptor], bool] = lambda job: True,
) -> list[Work]:
    """Random descriptors of ``sizes`` that are ``wanted``, behind one another in memory.

    Of machines with banks some use a B that is there, with an M of these sizes.
    """
    works: list[Work] = []
    banks = Banks(config)
    for shape in sizes:
        size, given = banks.choose(rng, shape)
        work = draw(config, rng, size, _behind(config, works), 1 << 22, **given)
        if wanted(work.job):
            works.append(work)
            banks.follow(work)
    return works


def _behind(config: MachineConfig, works: list[Work]) -> int:
    """First bus word behind all that the last of ``works`` has in memory."""
    ends = [a + len(c) for work in works[-1:] for a, c in [*work.pieces, *work.results]]
    return _round(max(ends, default=0), config.bus_bytes)


def draw_largest(config: MachineConfig, rng: random.Random, works: list[Work]) -> list[Work]:
    """Descriptors behind ``works`` with the longest block along each of M, N and K.

    One and a half of it: whatever the operands' storage, its rows are as long as they can be, its
    buffers are full to the last word.
    """
    found: list[Work] = []
    for x, a_flip, b_flip in product("mnk", (False, True), (False, True)):
        granule = getattr(config, f"{x}_granule")
        job = Descriptor(1, 1, 1, a_transposed=a_flip, b_transposed=b_flip)
        for block in range((1 << BLOCK_BITS) // granule * granule - granule, 0, -granule):
            fields: dict[str, Any] = {x: 2 * block, f"{x}_block": block}
            if fits(config, replace(job, **fields)):
                break
        else:
            continue  # its blocks are all of it
        size = block + block // 2 + 1
        given: dict[str, Any] = {"m": 1, "n": 1, "k": 1, x: size} | dict.fromkeys(BLOCKS, 0)
        given |= {f"{x}_block": block, "a_transposed": a_flip, "b_transposed": b_flip}
        sizes = (given["m"], given["n"], given["k"])
        base = _behind(config, [*works, *found])
        found.append(draw(config, rng, sizes, base, 1 << 22, batch=1, **given))
    return found


def draw_thrice(config: MachineConfig, rng: random.Random) -> list[Work]:
    """Descriptors that wait for memory, for the array and for sums, and a long batch, each thrice.

    The machine has two slots for jobs: one after the other, both are used. The first one meets what
    another left behind: its last rows of sums, of which the next ones keep their distance.
    """
    works = draw_all(config, rng, [(40, 30, 50), (9, 70, 3), (3, 2, 400), (1, 1, 1)])
    works.append(draw(config, rng, (1, 2, 3), _behind(config, works), 1 << 22, batch=300))
    return [work for work in works for _ in range(3)]


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
