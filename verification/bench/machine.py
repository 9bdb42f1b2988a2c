"""A machine under test: software's side of its registers, and its memory."""

from functools import cached_property
from typing import Any

from cocotb.triggers import ClockCycles, RisingEdge, Timer
from cocotbext.axi import AxiBus, AxiMaster, AxiResp

from insitu.hdl.shell.registers import registers

from .clock import CLOCK_NS
from .control import ControlPort
from .memory import GuardedRam
from .native import is_native, watch
from .native_memory import NativeRam, NativeResponses
from .native_software import NativePort
from .responses import Responses
from .workload import number_of, tag_of

__all__ = ["MachineBench"]

REGS = registers()


class MachineBench:
    """Rings doorbells and reads completions.

    On a design of :func:`.native.native` its two ends are in C++, else those of cocotbext-axi.

    Parameters
    ----------
    dut : cocotb handle
    size : int
        Bytes of memory.
    """

    def __init__(self, dut: Any, size: int) -> None:
        self.dut = dut
        self._native = is_native(dut)
        self.ram: Any
        self.port: Any
        if self._native:
            self.ram, self.port = NativeRam(), NativePort(dut)
        else:
            self.ram, self.port = GuardedRam(dut, "m_axi", size), ControlPort(dut, "s_axil")
        # The same of either end.
        self.read, self.write = self.port.read, self.port.write
        self.stall_control = self.port.stall_control
        self._window: list[int | None] = [None] * 35
        self._watched = False
        if hasattr(dut, "s_axi_awvalid"):
            for name in ("awvalid", "wvalid", "arvalid", "bready", "rready"):
                getattr(dut, f"s_axi_{name}").value = 0

    @cached_property
    def banks(self) -> AxiMaster:
        """The master of the port into the banks: idle, it would still look at every cycle."""
        return AxiMaster(AxiBus.from_prefix(self.dut, "s_axi"), self.dut.clk, self.dut.rst)

    async def reset(self, cycles: int = 4) -> None:
        """Memory's and software's as well; the window is lost."""
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, cycles)
        self.dut.rst.value = 0
        # The bench in C++ would still drop in this cycle what it is asked for.
        await RisingEdge(self.dut.clk)
        self._window = [None] * 35
        if self._native and not self._watched:
            watch(self.dut)
            self._watched = True

    async def cycles(self, count: int) -> None:
        """To the edge that ends the last of ``count`` cycles."""
        if count > 1:
            await Timer((count - 1) * CLOCK_NS + 3, unit="ns")
        await RisingEdge(self.dut.clk)

    def responses(self) -> Responses | NativeResponses:
        """The memory's answers, counted."""
        return self.ram.responses() if self._native else Responses(self.ram)

    async def post(self, words: list[int], number: int) -> AxiResp:
        """Write what changed in the window and ring the doorbell, with a tag for ``number``."""
        base = REGS["descriptor_flags"].address
        changed = [(n, word) for n, word in enumerate(words) if self._window[n] != word]
        done = await self.port.write_all([(base + 4 * n, word) for n, word in changed])
        assert all(resp == AxiResp.OKAY for resp in done)
        self._window = list(words)
        return await self.write("doorbell", tag_of(number))

    async def completion(self, budget: int, counters: dict[str, int] | None = None):
        """Wait for a completion and drop it: number of the descriptor and status.

        ``counters``: names to be read, each with its number; the values are filled in.
        """
        word = await self.port.poll("completion", budget)
        assert word >> 31, f"no completion in {budget} cycles"
        if counters:
            places = [REGS["counters"].address + 8 * number for number in counters.values()]
            halves = await self.port.read_all([x for at in places for x in (at, at + 4)])
            for n, name in enumerate(counters):
                counters[name] = halves[2 * n] | halves[2 * n + 1] << 32
        await self.write("completion_pop", 1)
        return number_of(word & 0xFFFF), word >> 16 & 0xFF
