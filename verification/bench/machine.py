"""A machine under test: software's side of its registers, and its memory."""

from typing import Any

from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiBus, AxiMaster, AxiResp

from .control import ControlPort
from .memory import GuardedRam
from .workload import number_of, tag_of

__all__ = ["MachineBench"]


class MachineBench(ControlPort):
    """Rings doorbells and reads completions.

    Parameters
    ----------
    dut : cocotb handle
    size : int
        Bytes of memory.
    """

    def __init__(self, dut: Any, size: int) -> None:
        super().__init__(dut, "s_axil")
        self.ram = GuardedRam(dut, "m_axi", size)
        self._window: list[int | None] = [None] * 35
        self.banks: AxiMaster | None = None  # of the port into the banks
        if hasattr(dut, "s_axi_awvalid"):
            self.banks = AxiMaster(AxiBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)

    def forget(self) -> None:
        """The window was lost in a reset."""
        self._window = [None] * 35

    async def post(self, words: list[int], number: int) -> AxiResp:
        """Write what changed in the window and ring the doorbell, with a tag for ``number``."""
        for n, word in enumerate(words):
            if self._window[n] != word:
                resp = await self.write("descriptor_flags", word, 4 * n)
                assert resp == AxiResp.OKAY
                self._window[n] = word
        return await self.write("doorbell", tag_of(number))

    async def completion(self, budget: int, counters: dict[str, int] | None = None):
        """Wait for a completion and drop it: number of the descriptor and status.

        ``counters``: names to be read, each with its number; the values are filled in.
        """
        for _ in range(budget // 16 + 1):
            word = await self.read("completion")
            if word >> 31:
                for name, number in list((counters or {}).items()):
                    low = await self.read("counters", 8 * number)
                    assert counters is not None
                    counters[name] = low | await self.read("counters", 8 * number + 4) << 32
                await self.write("completion_pop", 1)
                return number_of(word & 0xFFFF), word >> 16 & 0xFF
            for _ in range(8):
                await RisingEdge(self.dut.clk)
        raise AssertionError(f"no completion in {budget} cycles")
