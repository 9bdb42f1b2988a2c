"""The clock of a testbench."""

from typing import Any

from cocotb.clock import Clock

__all__ = ["CLOCK_NS", "start_clock"]

CLOCK_NS = 10


def start_clock(dut: Any) -> None:
    """Drive ``clk`` from now on, in cocotb's C++: in Python two more wakes a cycle."""
    Clock(dut.clk, CLOCK_NS, unit="ns", impl="gpi").start()
