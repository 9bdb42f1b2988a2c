"""Memory behind an AXI master, from cocotbext-axi, with a guard on what may be touched."""

from itertools import repeat
from typing import Any

from cocotbext.axi import AxiBus, AxiRamRead, AxiRamWrite, AxiResp
from cocotbext.axi.memory import Memory

from .streams import stall_bits

__all__ = ["CHANNELS", "GuardedRam", "Window"]

CHANNELS = ("aw", "w", "b", "ar", "r")


class Window:
    """Bytes that a master may touch: ``rows`` of ``row_bytes`` bytes, ``stride`` bytes apart."""

    def __init__(self, base: int, rows: int, row_bytes: int, stride: int) -> None:
        self._base, self._rows, self._row_bytes, self._stride = base, rows, row_bytes, stride

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """What it was made of."""
        return self._base, self._rows, self._row_bytes, self._stride

    def rows(self) -> list[tuple[int, int]]:
        """First byte of each row, and the first behind it."""
        starts = range(self._base, self._base + self._rows * self._stride, self._stride)
        return [(start, start + self._row_bytes) for start in starts]

    def holds(self, address: int, length: int) -> bool:
        """Whether all of these bytes are in one row."""
        row, column = divmod(address - self._base, self._stride)
        return 0 <= row < self._rows and column + length <= self._row_bytes


class _GuardedRead(AxiRamRead):
    """Answers DECERR, and notes it, for a word outside the windows."""

    windows: list[Window] | None = None

    async def _read(self, address: int, length: int) -> bytes:
        if self.windows is not None and not any(w.holds(address, length) for w in self.windows):
            self.broken.append(f"read of {length} bytes at {address:#x}")
            raise ValueError(self.broken[-1])
        return await super()._read(address, length)


class _GuardedWrite(AxiRamWrite):
    """The same for runs of written bytes."""

    windows: list[Window] | None = None

    async def _write(self, address: int, data: bytes) -> None:
        if self.windows is not None and not any(w.holds(address, len(data)) for w in self.windows):
            self.broken.append(f"write of {len(data)} bytes at {address:#x}")
            raise ValueError(self.broken[-1])
        await super()._write(address, data)


class GuardedRam:
    """An AXI memory that notes every access outside its windows.

    The models of cocotbext-axi assert the rules of bursts themselves: no crossing of 4 KiB,
    ``wlast`` on the last beat and on no other.

    Parameters
    ----------
    dut : cocotb handle
        Has ``clk``, ``rst`` and the ports of :class:`~insitu.hdl.bus.Axi4` behind ``prefix``.
    prefix : str
    size : int
        Bytes of address space.

    Attributes
    ----------
    memory : Memory
        ``read(address, length)`` and ``write(address, data)``.
    broken : list of str
        What was touched outside the windows; a test must find it empty.
    """

    def __init__(self, dut: Any, prefix: str, size: int) -> None:
        bus = AxiBus.from_prefix(dut, prefix)
        self.memory = Memory(size)
        self.broken: list[str] = []
        self._read = _GuardedRead(bus.read, dut.clk, dut.rst, size=size, mem=self.memory.mem)
        self._write = _GuardedWrite(bus.write, dut.clk, dut.rst, size=size, mem=self.memory.mem)
        self._read.broken = self._write.broken = self.broken
        for name in "rb":
            self._decode(name)

    def _decode(self, channel: str) -> None:
        """What the models answer with SLVERR is what the guard did not find: DECERR."""
        port, field = self.port(channel), f"{channel}resp"
        send = port.send

        async def turned(answer: Any) -> None:
            if getattr(answer, field) == AxiResp.SLVERR:
                setattr(answer, field, AxiResp.DECERR)
            await send(answer)

        port.send = turned

    def allow(self, reads: list[Window] | None, writes: list[Window]) -> None:
        """From now on only these bytes may be read and written; ``None``: any may be read."""
        self._read.windows, self._write.windows = reads, writes

    def stop(self, channel: str) -> None:
        """Pause a channel until :meth:`stall` is called for it."""
        self.port(channel).set_pause_generator(repeat(True))

    def port(self, channel: str) -> Any:
        """The model of one of ``CHANNELS``."""
        side = self._read if "r" in channel else self._write
        return getattr(side, f"{channel}_channel")

    def stall(self, kinds: dict[str, str], seed: int) -> None:
        """Pause channels: ``kinds`` maps names of ``CHANNELS`` to patterns of ``stall_bits``."""
        for n, (name, kind) in enumerate(sorted(kinds.items())):
            self.port(name).set_pause_generator(stall_bits(kind, seed + n))
