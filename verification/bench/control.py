"""Software's side of a machine's control port."""

from typing import Any

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
        done = await self.master.read(REGS[name].address + offset, 4)
        assert done.resp == AxiResp.OKAY
        return int.from_bytes(done.data, "little")
