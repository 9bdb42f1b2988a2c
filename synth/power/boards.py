"""Workloads on a whole board's top with a compact machine: its serial line, and its memory."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.boards import BOARDS, Board
from insitu.hdl.boards.top import BoardTop
from insitu.hdl.bus.uart import divisor
from insitu.hdl.config import Config, UserError
from insitu.hdl.config.fields import ceil_div
from insitu.host.link import Space, frame
from insitu.program import registers
from insitu.program.descriptor import Descriptor
from insitu.sim_models import compact, digits, golden

from .drive import Activity, WrongResult, reset
from .simulate import LANES, Simulation, pack, unpack

__all__ = ["WORKLOADS", "board", "top"]

Bytes = NDArray[np.uint8]
WORKLOADS = ("random", "zeros", "digits")
WORD = 8
"""Bytes of a word of the memory, of one RAM or over several side by side."""
IMAGES = 2
"""Of the digits, per lane: as many as the array has rows."""
SHAPE = (8, 16, 576)
"""M, N, K of workloads other than the digits."""
ANSWER = 8
"""Bytes' time that an answer takes at most, with what is done before it."""
WRITE = 2


def _of(config: Config) -> Board:
    """The board that ``config``, of a compact machine, is the machine of."""
    for one in BOARDS.values():
        if config.small is not None and config.name.removesuffix(f"-{config.target}") == one.config:
            return one
    raise UserError(f"UNIT: must be on a board with a compact machine, not {config.name}")


def top(config: Config) -> BoardTop:
    """What is on the board but for pins, PLL and oscillator."""
    return _of(config).top(config)


class _Memory:
    """The board's memory: bytes [lane][address]."""

    def __init__(self, sim: Simulation, size: int) -> None:
        self._sim, self._free = sim, 0
        ram = [m for m in sim.netlist.memories if m.depth * WORD == size]
        # Their instances' names end with their numbers.
        ram.sort(key=lambda memory: memory.path)
        self._parts, low = [], 0
        for one in ram:
            high = low + one.width // 8
            self._parts.append((slice(low, high), int(sim.netlist.ports[one.ports[0], 0])))
            low = high
        if low != WORD:
            raise WrongResult(f"memory: must be found in RAMs of {WORD} bytes, not of {low}")
        self.values = np.zeros((LANES, size), np.uint8)

    def put(self, values: NDArray[Any], dtype: Any) -> tuple[int, int]:
        """``values`` [lane][row][element], rows from a word on; address and stride."""
        data = np.ascontiguousarray(values.astype(dtype))
        rows = data.view(np.uint8).reshape(LANES, values.shape[1], -1)
        at, stride = self.take(values.shape[1], rows.shape[2])
        whole = np.zeros((LANES, values.shape[1], stride), np.uint8)
        whole[:, :, : rows.shape[2]] = rows
        self.values[:, at : at + values.shape[1] * stride] = whole.reshape(LANES, -1)
        return at, stride

    def take(self, rows: int, size: int) -> tuple[int, int]:
        """Room for rows of ``size`` bytes; address and stride."""
        at, stride = self._free, ceil_div(size, WORD) * WORD
        self._free += rows * stride
        return at, stride

    def load(self) -> None:
        """Into the simulation."""
        words = self.values.reshape(LANES, -1, WORD)
        for part, base in self._parts:
            spread = np.unpackbits(words[:, :, part], axis=2, bitorder="little")
            bits = pack(spread.reshape(LANES, -1))
            self._sim.store[base : base + len(bits)] = bits

    def store(self) -> None:
        """Out of the simulation."""
        words = self.values.reshape(LANES, -1, WORD)
        for part, base in self._parts:
            count = words[0, :, part].size * 8
            spread = unpack(self._sim.store[base : base + count])
            found = np.packbits(spread.reshape(LANES, -1, 8), axis=2, bitorder="little")
            words[:, :, part] = found.reshape(words[:, :, part].shape)

    def get(self, at: int, stride: int, rows: int, cols: int, dtype: Any) -> NDArray[Any]:
        """Elements [lane][row][column]."""
        size = cols * np.dtype(dtype).itemsize
        whole = self.values[:, at : at + rows * stride].reshape(LANES, rows, stride)
        return np.ascontiguousarray(whole[:, :, :size]).view(dtype)


class _Line:
    """The host's end: all lanes get the same."""

    def __init__(self, sim: Simulation, cycles: int) -> None:
        self._sim, self._cycles, self._sent = sim, cycles, 0

    def write(self, address: int, data: bytes) -> None:
        """Words into registers, uncounted; over when the board has seen the last bit."""
        self._sent += 1
        addr = Space.REGISTERS << 30 | address
        head = bytes([WRITE, self._sent]) + (len(data) // 4).to_bytes(2, "little")
        for byte in frame(head + addr.to_bytes(4, "little") + data):
            for n in range(10):
                self._sim.set("rx", (byte << 1 | 1 << 9) >> n & 1)
                self.wait(self._cycles)

    def answer(self) -> None:
        """Until the answer is out."""
        self.wait(ANSWER * 10 * self._cycles)

    def wait(self, cycles: int, *, count: bool = False) -> None:
        """With the line as it is."""
        for _ in range(cycles):
            self._sim.cycle(count=count)


@dataclass(frozen=True)
class _Product:
    """A product of all lanes: activations are elsewhere, the rest is as the machine wants it."""

    job: Descriptor
    b: NDArray[np.int64]
    bias: NDArray[np.int64]
    scales: NDArray[np.float32]


def _digits() -> tuple[list[_Product], NDArray[np.int64], NDArray[np.int64]]:
    """Layers for the images of a lane, their rows, and what must come out."""
    network, _ = digits.load(signed=False)
    x = digits.images()[2][: IMAGES * LANES]
    made = []
    values = network.quantise_images(x)
    rows = values.reshape(LANES, -1, values.shape[1])
    elements = rows[0].size
    for layer in network.layers:
        k, n = layer.b.shape
        m, elements = elements // k, elements // k * n
        job = Descriptor(m, n, k, a_signed=False, b_transposed=True, has_bias=True)
        if layer.scale is not None:
            job = replace(job, format="uint8", column_scale=True, low=0, high=255)
        scales = np.zeros(0, np.float32) if layer.scale is None else layer.scale
        made.append(_Product(job, layer.b, layer.bias, scales))
    return made, rows, network.run(x, digits.golden_gemm).reshape(LANES, IMAGES, -1)


def _one(workload: str) -> tuple[list[_Product], NDArray[np.int64], NDArray[np.int64]]:
    """A product of random operands, or of zeros, per lane; B is the same in all."""
    m, n, k = SHAPE
    rng = np.random.default_rng(1)
    high = 128 * (workload == "random")
    a, b = (rng.integers(-high, max(1, high), size) for size in ((LANES, m, k), (k, n)))
    bias, scales = rng.integers(-1000, 1000, n), np.full(n, 2.0**-13, np.float32)
    job = Descriptor(m, n, k, b_transposed=True, has_bias=True, column_scale=True)
    job = replace(job, format="int8", low=-128, high=127)
    results = [golden.result(job, one, b, acc_bits=32, bias=bias, scales=scales) for one in a]
    expected = np.array(results)
    return [_Product(job, b, bias, scales)], a, expected


def board(config: Config, workload: str, sim: Simulation) -> Activity:
    """Products one after another, as a host has them done; each lane has activations of its own.

    Matrices are put into the memory beforehand. Counted are of each product as many cycles as the
    machine takes by its model, from the end of the request that begins it; the answer to that
    request goes out meanwhile. Descriptors on the line are not counted.
    """
    chosen, small = _of(config), config.compact
    products, a, expected = _digits() if workload == "digits" else _one(workload)
    reset(sim)
    memory = _Memory(sim, small.memory)
    line = _Line(sim, divisor(chosen.clock_hz, chosen.baud))
    sim.set("rx", 1)
    line.answer()
    at, stride = memory.put(a, np.uint8)
    jobs: list[Descriptor] = []
    macs = 0
    for product in products:
        job = product.job
        m, n, k = job.m, job.n, job.k
        b, b_stride = memory.put(np.tile(product.b.T, (LANES, 1, 1)), np.int8)
        bias, _ = memory.put(np.tile(product.bias, (LANES, 1, 1)), np.int32)
        scales, _ = memory.put(np.tile(product.scales, (LANES, 1, 1)), np.float32)
        c, c_stride = memory.take(m, n * (4 if job.format == "int32" else 1))
        jobs.append(
            replace(
                job, a=at, b=b, c=c, bias=bias, scales=scales,
                a_stride=stride if not jobs else ceil_div(k, WORD) * WORD,
                b_stride=b_stride, c_stride=c_stride,
            )
        )  # fmt: skip
        at, stride = c, c_stride
        macs += LANES * m * n * k
    memory.load()
    for tag, (job, product) in enumerate(zip(jobs, products, strict=True), 1):
        words = b"".join(word.to_bytes(4, "little") for word in job.words())
        line.write(registers.DESCRIPTOR_FLAGS, words)
        line.answer()
        line.write(registers.DOORBELL, tag.to_bytes(4, "little"))
        line.wait(compact.counts(small, job, product.scales).cycles, count=True)
        line.answer()
        line.write(registers.COMPLETION_POP, (1).to_bytes(4, "little"))
        line.answer()
    memory.store()
    last = jobs[-1]
    dtype = {"int32": np.int32, "int8": np.int8, "uint8": np.uint8}[last.format]
    found = memory.get(last.c, last.c_stride, last.m, last.n, dtype)
    if not np.array_equal(found, expected):
        raise WrongResult("C: not as the golden model")
    return Activity(sim, macs, expected.size)
