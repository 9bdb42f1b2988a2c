"""Cocotb side of a simulated board on a pseudo-terminal; ``bench/serial.v`` moves the bits."""

import os
import tty
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, Timer

from insitu.verification.bench.clock import start_clock

CLOCK_NS = 10
CYCLES = int(os.environ["INSITU_BIT"])
RING = 256
"""Bytes of each ring of ``bench/serial.v``."""
WAKE = 16
"""Bytes' time between two looks at the line: far less than the rings hold."""


class Rings:
    """Bytes to and from the board."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self._given = bytearray(RING)
        self._posted = self._received = 0

    def room(self) -> int:
        """Bytes that may be given."""
        return RING - (self._posted - int(self.dut.sent.value))

    def give(self, data: bytes) -> None:
        """``data`` to the board, no more than there is room for."""
        for byte in data:
            self._given[self._posted % RING] = byte
            self._posted += 1
        self.dut.given.value = int.from_bytes(self._given, "little")
        self.dut.posted.value = self._posted

    def take(self) -> bytes:
        """What came from the board since the last time."""
        count = int(self.dut.received.value)
        assert count - self._received <= RING, "the board's bytes were not taken in time"
        assert not self.dut.broken.value, "no stop bit"
        if count == self._received:
            return b""
        whole = self.dut.taken.value.to_unsigned().to_bytes(RING, "little")
        found = bytes(whole[n % RING] for n in range(self._received, count))
        self._received = count
        return found


@cocotb.test()
async def serve(dut):
    """Until there is a file ``stop``; ``port.txt`` says which terminal it is."""
    start_clock(dut)
    dut.cycles.value, dut.given.value, dut.posted.value = CYCLES, 0, 0
    dut.rst.value = 1
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    Path("port.tmp").write_text(os.ttyname(theirs), encoding="utf-8")
    Path("port.tmp").rename("port.txt")
    rings, left = Rings(dut), b""
    for tick in range(1 << 62):
        if len(left) < RING:
            try:
                left += os.read(ours, 4096)
            except BlockingIOError:
                if tick % 64 == 0 and Path("stop").exists():
                    return
        room = min(rings.room(), len(left))
        if room:
            rings.give(left[:room])
            left = left[room:]
        if found := rings.take():
            os.write(ours, found)
        await Timer(WAKE * 10 * CYCLES * CLOCK_NS, "ns")
