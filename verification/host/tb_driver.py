"""Cocotb tests of the C driver in docs/examples: its accesses go to the RTL's control port."""

import ctypes
import logging
import os
import random
from typing import Any

import cocotb
import numpy as np
from cocotb.task import bridge, resume
from cocotbext.axi import AxiResp

from insitu.hdl.config import load
from insitu.hdl.contract.job import Status
from insitu.program.target import Target
from insitu.sim_models.execute import execute
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.layers import two_layers
from insitu.verification.bench.machine import MachineBench
from insitu.verification.bench.workload import Work, draw

CONFIG = load(os.environ["INSITU_CONFIG"], "generic").shell
PART = 1 << 17  # of memory, for each descriptor
READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)


class Core(ctypes.Structure):
    """``struct insitu``."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("queue", "word", "max_k", "a_bits", "b_bits")),
        *((name, ctypes.c_int) for name in ("a_unsigned", "b_unsigned")),
    ]


class Gemm(ctypes.Structure):
    """``struct insitu_gemm``."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in "mnk"),
        *((name, ctypes.c_uint64) for name in ("a", "b", "c", "bias")),
        *((name, ctypes.c_uint32) for name in ("a_stride", "b_stride", "c_stride")),
        *((name, ctypes.c_int) for name in ("a_transposed", "b_transposed", "requantise")),
        ("scale", ctypes.c_float),
        *((name, ctypes.c_int) for name in ("zero", "low", "high", "a_unsigned", "b_unsigned")),
        ("binary32", ctypes.c_int),
    ]


class Piece(ctypes.Structure):
    """``struct insitu_piece``."""

    _fields_ = [
        ("address", ctypes.c_uint64),
        ("size", ctypes.c_uint32),
        ("bytes", ctypes.c_void_p),
    ]


PROGRAM_PIECES = len(two_layers(CONFIG).image)


class Driver:
    """The driver, compiled, on the control port of ``bench``."""

    def __init__(self, bench: MachineBench) -> None:
        self.library = ctypes.CDLL(os.environ["INSITU_DRIVER"])

        @resume
        async def read(offset: int) -> int:
            return (await bench.port.read_all([offset]))[0]

        @resume
        async def write(offset: int, value: int) -> None:
            done = await bench.port.write_all([(offset, value)])
            assert done == [AxiResp.OKAY], f"{value:#x} to {offset:#x}"

        self._kept = (READ(read), WRITE(write))  # for as long as the library may call them
        for name, function in zip(("reader", "writer"), self._kept, strict=True):
            place = ctypes.c_void_p.in_dll(self.library, name)
            place.value = ctypes.cast(function, ctypes.c_void_p).value

    async def call(self, name: str, *values: Any) -> int:
        """What function ``name`` returns, while time goes on."""

        def blocking() -> int:
            return getattr(self.library, name)(*values)

        return await bridge(blocking)()

    async def probe(self) -> Core:
        core = Core()
        assert await self.call("insitu_probe", ctypes.byref(core)) == 0
        return core

    async def run(self, core: Core, jobs: list[Gemm]) -> tuple[int, list[int]]:
        """Status and the cycles of each."""
        cycles = (ctypes.c_uint64 * len(jobs))()
        array = (Gemm * len(jobs))(*jobs)
        status = await self.call("insitu_run", ctypes.byref(core), array, len(jobs), cycles)
        return status, list(cycles)


def in_c(work: Work) -> Gemm:
    job = work.job
    other = ("requantise", "a_unsigned", "b_unsigned")
    values = {name: getattr(job, name) for name, *_ in Gemm._fields_ if name not in other}
    return Gemm(
        **values,
        requantise=job.format == "int8",
        a_unsigned=not job.a_signed,
        b_unsigned=not job.b_signed,
    )


def some(rng: random.Random, count: int) -> list[Work]:
    """Descriptors that the driver has fields for."""
    only: dict[str, Any] = {
        "a_signed": True,
        "b_signed": True,
        "a_zero": 0,
        "addend": False,
        "batch": 1,
    }
    only |= {"column_scale": False, "order": 0, "m_block": 0, "n_block": 0, "k_block": 0}
    works = []
    for number in range(count):
        size = (rng.randint(1, 40), rng.randint(1, 40), rng.randint(1, 40))
        only["format"] = rng.choice(["int32", "int8"])
        # Not at address 0, which is no bias.
        works.append(draw(CONFIG, rng, size, PART * (number + 1), PART, **only))
    return works


async def start(dut) -> MachineBench:
    logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
    bench = MachineBench(dut, 1 << 21)
    start_clock(dut)
    await bench.reset(3)
    return bench


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def driver(dut):
    """More GEMMs than the queue takes; then one that is refused, after which all is as before."""
    rng = random.Random(1)
    bench = await start(dut)
    software = Driver(bench)
    core = await software.probe()
    assert (core.queue, core.word) == (CONFIG.queue, CONFIG.bus_bytes)
    assert core.max_k == CONFIG.array.max_k

    for bad in (None, 3):
        works = some(rng, 10)
        for work in works:
            for address, content in work.pieces:
                bench.ram.memory.write(address, content)
        jobs = [in_c(work) for work in works]
        if bad is not None:
            jobs[bad].c += 1
        status, cycles = await software.run(core, jobs)
        assert status == (Status.OK if bad is None else Status.MISALIGNED)
        for number, work in enumerate(works[:bad]):
            assert cycles[number] > 0
            for address, expected in work.results:
                assert bench.ram.memory.read(address, len(expected)) == expected, work.job
        assert await bench.read("status") == 0, "something is left over"


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def program(dut):
    """Two layers, from the header that the compiler read: what the C program wrote is exact."""
    bench = await start(dut)
    software = Driver(bench)
    image = (Piece * PROGRAM_PIECES).in_dll(software.library, "program_image_shown")
    for piece in image:
        content = ctypes.string_at(piece.bytes, piece.size)
        bench.ram.memory.write(piece.address, content)
    lowered = two_layers(CONFIG)
    x = np.random.default_rng(5).integers(-128, 128, (6, 8))
    for address, content in lowered.writes({"x": x}):
        bench.ram.memory.write(address, content)
    assert len(image) == len(lowered.image)
    cycles = (ctypes.c_uint64 * len(lowered.calls))()
    assert await software.call("run_program", cycles) == Status.OK
    assert all(cycles)
    memory = np.frombuffer(bench.ram.memory.read(0, lowered.top), np.uint8)
    expected, _ = execute(Target.of_shell(CONFIG), lowered, {"x": x})
    assert np.array_equal(lowered.outputs["y"].read(memory), expected["y"])


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def counters_without_completion(dut):
    """Read as 0, at once: nothing hangs."""
    bench = await start(dut)
    assert await bench.read("counters") == 0
    await bench.write("descriptor_flags", 0)  # of no version: refused at once
    assert await bench.write("doorbell", 1) == AxiResp.OKAY
    await bench.cycles(500)
    assert await bench.read("completion") >> 31 == 1
    assert await bench.read("counters") > 0
