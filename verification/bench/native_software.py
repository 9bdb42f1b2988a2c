"""Software in C++ on a machine's control port, as :class:`~.control.ControlPort` is in Python."""

from collections.abc import Sequence
from typing import Any

from cocotb.triggers import ValueChange
from cocotbext.axi import AxiResp

from insitu.hdl.shell.registers import registers

from .memory import CHANNELS
from .native import library

__all__ = ["NativePort"]

REGS = registers()
POLL = 9  # cycles between two reads, at least


class NativePort:
    """Reads and writes registers by name; accesses of each kind are answered in order."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        library().software_begin()

    def stall_control(self, kind: str, seed: int) -> None:
        """Pause all channels by patterns of ``stall_bits``; up to four accesses are under way."""
        for n in range(len(CHANNELS)):
            library().software_stall(n, kind.encode(), seed + n)
        library().software_depth(1 + (seed + 3) % 4)

    async def _answer(self, write: bool, ticket: int) -> int:
        count = self.dut.written if write else self.dut.fetched
        while int(count.value) < ticket:
            await ValueChange(count)
        return library().software_answer(write, ticket)

    async def write_all(self, accesses: Sequence[tuple[int, int]]) -> list[AxiResp]:
        """Write words, by address, one after the other."""
        tickets = [library().software_write(where, what, 0xF) for where, what in accesses]
        return [AxiResp(await self._answer(True, ticket) >> 32) for ticket in tickets]

    async def read_all(self, addresses: Sequence[int]) -> list[int]:
        """Read words, one after the other."""
        tickets = [library().software_read(address, 0) for address in addresses]
        answers = [await self._answer(False, ticket) for ticket in tickets]
        assert not any(answer >> 32 for answer in answers)
        return answers

    async def write(self, name: str, value: int, offset: int = 0) -> AxiResp:
        """Write the word ``offset`` bytes behind register ``name``."""
        return (await self.write_all([(REGS[name].address + offset, value)]))[0]

    async def read(self, name: str, offset: int = 0) -> int:
        """Read that word."""
        return (await self.read_all([REGS[name].address + offset]))[0]

    async def write_span(self, address: int, content: bytes) -> None:
        """Write bytes; no others of their words."""
        last = 0
        for word in range(address & ~3, address + len(content), 4):
            part = [(n, word + n - address) for n in range(4)]
            part = [(n, at) for n, at in part if 0 <= at < len(content)]
            data = sum(content[at] << 8 * n for n, at in part)
            last = library().software_write(word, data, sum(1 << n for n, _ in part))
        await self._answer(True, last)

    async def read_span(self, address: int, length: int) -> bytes:
        """Read bytes."""
        words = range(address & ~3, address + length, 4)
        found = b"".join(x.to_bytes(4, "little") for x in await self.read_all(words))
        return found[address & 3 :][:length]

    async def poll(self, name: str, cycles: int) -> int:
        """Read a register until its top bit is set, or about so many cycles are over."""
        ticket = library().software_read(REGS[name].address, cycles // POLL + 1)
        return await self._answer(False, ticket) & 0xFFFFFFFF
