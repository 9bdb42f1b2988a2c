"""Cocotb test of the counters alone: sums that no machine reaches in a simulation."""

import os
import random

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge

from insitu.hdl.contract.events import Event
from insitu.hdl.contract.job import TIME_BITS
from insitu.verification.bench.clock import start_clock

SEED = int(os.environ.get("INSITU_SEED", "1"))
EVENTS = (
    Event("cycles", TIME_BITS, "at most once in a pass over all counters"),
    Event("elements", 6, "as many in every cycle"),
    Event("words", 1, "one in every cycle"),
)
PASS = 60  # cycles, longer than one


class Bench:
    """Who counts, and who reads; edges of inputs are in the middle of a cycle."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = random.Random(SEED)
        self.totals: list[dict[str, int]] = []  # by descriptor that has begun

    async def start(self) -> None:
        dut = self.dut
        start_clock(dut)
        for name in ("begins", "ends", "popped", "read", "addr"):
            getattr(dut, name).value = 0
        self.give({})
        dut.rst.value = 1
        await ClockCycles(dut.clk, 3)
        dut.rst.value = 0
        await FallingEdge(dut.clk)

    async def begin(self) -> None:
        slot = len(self.totals) % 2
        for _ in range(20 * PASS):
            if not int(self.dut.in_use.value) >> slot & 1:
                break
            await FallingEdge(self.dut.clk)
        else:
            raise AssertionError(f"slot {slot} is never free")
        await self.pulse("begins")
        self.totals.append(dict.fromkeys((event.name for event in EVENTS), 0))

    def give(self, amounts: dict[str, tuple[int, int]]) -> None:
        """By event how much, and whose slot; nothing of the others."""
        for event in EVENTS:
            amount, slot = amounts.get(event.name, (0, 0))
            getattr(self.dut, f"events_{event.name}_amount").value = amount
            getattr(self.dut, f"events_{event.name}_slot").value = slot

    async def pulse(self, name: str) -> None:
        getattr(self.dut, name).value = 1
        await FallingEdge(self.dut.clk)
        getattr(self.dut, name).value = 0

    async def count(self, cycles: int, under_way: list[int], full: bool) -> None:
        """Events of the descriptors ``under_way`` for some cycles, all that can be if ``full``."""
        for cycle in range(cycles):
            amounts = {}
            for event in EVENTS:
                most = (1 << event.bits) - 1
                amount = most if full else self.rng.choice([0, most, self.rng.randint(0, most)])
                if event.bits == TIME_BITS and cycle % PASS:
                    amount = 0
                whose = self.rng.choice(under_way)
                self.totals[whose][event.name] += amount
                amounts[event.name] = amount, whose % 2
            self.give(amounts)
            await FallingEdge(self.dut.clk)
        self.give({})

    async def word(self, addr: int) -> int:
        self.dut.addr.value, self.dut.read.value = addr, 1
        for _ in range(20 * PASS):
            await FallingEdge(self.dut.clk)
            if self.dut.valid.value:
                break
        else:
            raise AssertionError(f"word {addr} does not come")
        word = int(self.dut.word.value)
        self.dut.read.value = 0
        await ClockCycles(self.dut.clk, 5)
        await FallingEdge(self.dut.clk)
        return word

    async def check(self, number: int) -> None:
        """Both halves of each counter of the oldest completion, in any order."""
        found = dict.fromkeys((event.name for event in EVENTS), 0)
        addresses = [(n, half) for n in range(len(EVENTS)) for half in range(2)]
        self.rng.shuffle(addresses)
        for n, half in addresses:
            found[EVENTS[n].name] |= await self.word(2 * n + half) << 32 * half
        assert found == self.totals[number], f"descriptor {number}"
        await self.pulse("popped")


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def totals(dut):
    """Of two descriptors at a time, beyond 32 and 48 bits; each begins at zero."""
    bench = Bench(dut)
    await bench.start()
    await bench.begin()
    for number in range(10):
        full = number % 3 == 0
        await bench.count(PASS * (40 if full else bench.rng.randint(1, 4)), [number], full)
        await bench.begin()
        await bench.count(2 * PASS, [number, number + 1], full)
        await bench.pulse("ends")
        # The next one goes on while this one's are settled and read.
        counting = cocotb.start_soon(bench.count(3 * PASS, [number + 1], False))
        await bench.check(number)
        await counting
    assert bench.totals[0]["cycles"] >> 52, "too few"
