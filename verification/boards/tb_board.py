"""Cocotb side of a board's UART pins, bit by bit: for tests of what may go wrong there."""

import os

from cocotb.triggers import ClockCycles, FallingEdge, Timer

from insitu.verification.bench.clock import start_clock

CLOCK_NS = 10
BIT_NS = CLOCK_NS * int(os.environ["INSITU_BIT"])


async def send(dut, byte: int) -> None:
    """A byte to the board."""
    dut.rx.value = 0
    await Timer(BIT_NS, "ns")
    for n in range(8):
        dut.rx.value = byte >> n & 1
        await Timer(BIT_NS, "ns")
    dut.rx.value = 1
    await Timer(BIT_NS, "ns")


async def receive(dut) -> int:
    """The next byte from the board."""
    await FallingEdge(dut.tx)
    await Timer(BIT_NS * 3 // 2, "ns")
    byte = 0
    for n in range(8):
        byte |= int(dut.tx.value) << n
        await Timer(BIT_NS, "ns")
    assert dut.tx.value == 1, "no stop bit"
    return byte


async def begin(dut) -> None:
    """Clock and reset."""
    start_clock(dut)
    dut.rx.value, dut.rst.value = 1, 1
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
