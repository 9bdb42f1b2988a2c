"""A compact machine and its memory under test: software's side of both."""

import os
from typing import Any

from cocotb.triggers import ClockCycles, RisingEdge

from insitu.hdl.compact.control import COUNTER_NUMBERS
from insitu.program import registers as regs

from .clock import start_clock

__all__ = ["CompactBench", "WordAccess"]


class WordAccess:
    """Reads and writes words of 32 bits through a word port.

    Parameters
    ----------
    dut : cocotb handle
    name : str
        Of the port.
    """

    def __init__(self, dut: Any, name: str) -> None:
        self._clk = dut.clk
        self._ports = {
            part: getattr(dut, f"{name}_{part}")
            for part in ("valid", "write", "addr", "wdata", "done", "error", "rdata")
        }
        self._ports["valid"].value = 0

    async def _access(self, addr: int, write: int, data: int) -> tuple[int, bool]:
        ports = self._ports
        ports["valid"].value, ports["write"].value = 1, write
        ports["addr"].value, ports["wdata"].value = addr, data
        for _ in range(1000):
            await RisingEdge(self._clk)
            if ports["done"].value:
                found = int(ports["rdata"].value) if not write else 0
                failed = bool(ports["error"].value)
                ports["valid"].value = 0
                await RisingEdge(self._clk)
                return found, failed
        raise AssertionError(f"no answer at 0x{addr:x}")

    async def read(self, addr: int) -> int:
        word, failed = await self._access(addr, 0, 0)
        assert not failed, hex(addr)
        return word

    async def write(self, addr: int, data: int) -> bool:
        """Whether it was accepted."""
        return not (await self._access(addr, 1, data))[1]


class CompactBench:
    """Rings doorbells and reads completions; memory is seen as bytes.

    Parameters
    ----------
    dut : cocotb handle
    size : int
        Bytes of memory.
    """

    def __init__(self, dut: Any, size: int) -> None:
        self.dut, self.size = dut, size
        self.registers, self.memory = WordAccess(dut, "registers"), WordAccess(dut, "memory")

    async def start(self) -> None:
        if hasattr(self.dut, "mutsel"):
            self.dut.mutsel.value = int(os.environ["INSITU_MUTANT"])
        self.dut.rst.value = 1
        start_clock(self.dut)
        await ClockCycles(self.dut.clk, 3)
        self.dut.rst.value = 0
        await ClockCycles(self.dut.clk, 2)

    async def put(self, data: bytes, addr: int = 0) -> None:
        for n in range(0, len(data), 4):
            assert await self.memory.write(addr + n, int.from_bytes(data[n : n + 4], "little"))

    async def get(self, size: int, addr: int = 0) -> bytes:
        words = [await self.memory.read(addr + n) for n in range(0, size, 4)]
        return b"".join(word.to_bytes(4, "little") for word in words)

    async def ring(self, words: list[int], tag: int) -> bool:
        """Whether the doorbell was accepted."""
        for n, word in enumerate(words):
            assert await self.registers.write(regs.DESCRIPTOR_FLAGS + 4 * n, word)
        return await self.registers.write(regs.DOORBELL, tag)

    async def run(self, words: list[int], tag: int, budget: int) -> tuple[int, dict[str, int]]:
        """Status and counters of a descriptor; the host is silent until it must have ended."""
        assert await self.ring(words, tag)
        for _ in range(2):
            await ClockCycles(self.dut.clk, budget)
            if (word := await self.registers.read(regs.COMPLETION)) >> 31:
                break
        else:
            raise AssertionError(f"no completion in {budget} cycles")
        assert word & 0xFFFF == tag
        counters = {}
        for name, number in COUNTER_NUMBERS.items():
            low = await self.registers.read(regs.COUNTERS + 8 * number)
            counters[name] = low | await self.registers.read(regs.COUNTERS + 8 * number + 4) << 32
        assert await self.registers.write(regs.COMPLETION_POP, 1)
        assert not await self.registers.read(regs.COMPLETION)
        assert not await self.registers.read(regs.COUNTERS)
        return word >> 16 & 0xFF, counters
