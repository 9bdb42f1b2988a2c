"""Cocotb side of a simulated board: its UART pins against a pseudo-terminal."""

import os
import tty
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, Timer

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


async def to_board(dut, terminal: int) -> None:
    """Whatever comes from the terminal."""
    while True:
        try:
            data = os.read(terminal, 4096)
        except BlockingIOError:
            data = b""
        for byte in data:
            await send(dut, byte)
        if not data:
            await Timer(20 * BIT_NS, "ns")


async def from_board(dut, terminal: int) -> None:
    """Whatever the board sends."""
    while True:
        os.write(terminal, bytes([await receive(dut)]))


async def begin(dut) -> None:
    """Clock and reset."""
    Clock(dut.clk, CLOCK_NS, unit="ns").start()
    dut.rx.value, dut.rst.value = 1, 1
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0


@cocotb.test()
async def serve(dut):
    """Until there is a file ``stop``; ``port.txt`` says which terminal it is."""
    await begin(dut)
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    cocotb.start_soon(to_board(dut, ours))
    cocotb.start_soon(from_board(dut, ours))
    Path("port.tmp").write_text(os.ttyname(theirs))
    Path("port.tmp").rename("port.txt")
    while not Path("stop").exists():
        await Timer(2000 * BIT_NS, "ns")
