"""Cocotb tests of the LiteX example: the core and its memory through the SoC's bus."""

import logging
import os
import random
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from insitu.hdl.config import load
from insitu.hdl.shell.registers import registers
from insitu.program import registers as host
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.workload import draw

SHELL = load(os.environ["INSITU_CONFIG"], "generic").shell
MAP = [
    line.split(",")
    for line in Path(os.environ["INSITU_MAP"]).read_text(encoding="utf-8").splitlines()
]
PLACES = {line[1]: int(line[2], 0) for line in MAP if line[0] in ("memory_region", "csr_register")}
SIZES = [(3, 5, 4), (1, 1, 1), (40, 33, 50), (17, 64, 9), (64, 24, 64), (5, 70, 31)]


class Host:
    """What would be the processor: words by name, of the core or of the SoC.

    One word at a time: LiteX's converter to wider buses takes the lane of a word from the latest
    address that it was given.
    """

    def __init__(self, dut) -> None:
        self._master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "host"), dut.clk, dut.rst)

    async def write(self, address: int, content: bytes) -> None:
        for n in range(0, len(content), 4):
            done = await self._master.write(address + n, content[n : n + 4])
            assert done.resp == AxiResp.OKAY

    async def read(self, address: int, length: int = 4) -> bytes:
        content = b""
        for n in range(0, length, 4):
            done = await self._master.read(address + n, min(4, length - n))
            assert done.resp == AxiResp.OKAY
            content += done.data
        return content

    async def put(self, name: str, value: int, offset: int = 0) -> None:
        await self.write(address(name) + offset, value.to_bytes(4, "little"))

    async def get(self, name: str) -> int:
        return int.from_bytes(await self.read(address(name)), "little")


def address(name: str) -> int:
    return PLACES[name] if name in PLACES else PLACES["gemm"] + registers()[name].address


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def gemms(dut):
    """Identity, then random descriptors out of the SoC's memory, each ended by its interrupt."""
    logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
    bench = Host(dut)
    start_clock(dut)
    dut.rst.value = 1
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    assert await bench.get("id") == 0x4D4D4547
    assert await bench.get("version") >> host.VERSION_MAJOR.low == 1
    await bench.put("irq_mask", 1)
    await bench.put("gemm_ev_enable", 1)

    rng = random.Random(1)
    for tag, size in enumerate(SIZES):
        work = draw(SHELL, rng, size, PLACES["main_ram"], 1 << 16)
        for place, content in work.pieces:
            await bench.write(place, content)
        for n, word in enumerate(work.job.words()):
            await bench.put("descriptor_flags", word, 4 * n)
        assert dut.irq.value == 0
        await bench.put("doorbell", tag)
        await with_timeout(RisingEdge(dut.irq), 2, "ms")
        assert await bench.get("completion") == 1 << 31 | tag
        await bench.put("irq_status", 1)
        await bench.put("completion_pop", 1)
        assert dut.irq.value == 0
        for place, expected in work.results:
            assert await bench.read(place, len(expected)) == expected, work.job
    assert await bench.get("status") == 0
