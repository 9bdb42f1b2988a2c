"""Software's side of a machine's control port."""

from collections.abc import Sequence
from typing import Any

from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from insitu.hdl.shell.registers import registers

from .streams import stall_bits

__all__ = ["ControlPort"]

REGS = registers()


class ControlPort:
    """Reads and writes registers by name, through cocotbext-axi's master.

    Parameters
    ----------
    dut : cocotb handle
        Has ``clk``, ``rst`` and the ports of :class:`~insitu.hdl.bus.Axi4Lite` behind ``prefix``.
    prefix : str
    """

    def __init__(self, dut: Any, prefix: str) -> None:
        self.dut = dut
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, prefix), dut.clk, dut.rst)

    def stall_control(self, kind: str, seed: int) -> None:
        """Pause all channels by patterns of ``stall_bits``."""
        write, read = self.master.write_if, self.master.read_if
        channels = [write.aw_channel, write.w_channel, write.b_channel]
        channels += [read.ar_channel, read.r_channel]
        for n, channel in enumerate(channels):
            channel.set_pause_generator(stall_bits(kind, seed + n))

    async def write(self, name: str, value: int, offset: int = 0) -> AxiResp:
        """Write the word ``offset`` bytes behind register ``name``."""
        done = await self.master.write(REGS[name].address + offset, value.to_bytes(4, "little"))
        return done.resp

    async def write_all(self, accesses: Sequence[tuple[int, int]]) -> list[AxiResp]:
        """Write words, by address, one after the other."""
        done = [await self.master.write(at, x.to_bytes(4, "little")) for at, x in accesses]
        return [one.resp for one in done]

    async def read_all(self, addresses: Sequence[int]) -> list[int]:
        """Read words, one after the other."""
        found = [await self.read_span(address, 4) for address in addresses]
        return [int.from_bytes(content, "little") for content in found]

    async def write_span(self, address: int, content: bytes) -> None:
        """Write bytes; no others of their words."""
        await self.master.write(address, content)

    async def read_span(self, address: int, length: int) -> bytes:
        """Read bytes."""
        done = await self.master.read(address, length)
        assert done.resp == AxiResp.OKAY
        return bytes(done.data)

    async def poll(self, name: str, cycles: int) -> int:
        """Read a register until its top bit is set, or about so many cycles are over."""
        for _ in range(cycles // 16 + 1):
            if (word := await self.read(name)) >> 31:
                return word
            for _ in range(8):
                await RisingEdge(self.dut.clk)
        return word

    async def write_bytes(self, name: str, value: int, strobes: int) -> AxiResp:
        """Write those bytes of a register's word, none of them included; all others show garbage.

        The master has no such writes: this goes to its channels, so nothing else may be under way.
        """
        channels = self.master.write_if
        where, what = channels.aw_channel._transaction_obj(), channels.w_channel._transaction_obj()
        where.awaddr, what.wdata, what.wstrb = REGS[name].address, value, strobes
        await channels.aw_channel.send(where)
        await channels.w_channel.send(what)
        return AxiResp((await channels.b_channel.recv()).bresp)

    async def read(self, name: str, offset: int = 0) -> int:
        """Read that word."""
        return int.from_bytes(await self.read_span(REGS[name].address + offset, 4), "little")
