"""Cocotb tests of the control port, through cocotbext-axi's master."""

import os
import random

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotbext.axi import AxiResp

from insitu.hdl.shell.registers import registers
from insitu.verification.bench.clock import start_clock
from insitu.verification.bench.control import ControlPort

SEED = int(os.environ.get("INSITU_SEED", "1"))
QUEUE = int(os.environ["INSITU_QUEUE"])
REGS = registers()
WINDOW = REGS["descriptor_flags"].address
WORDS = 35
STALLS = ["none", "half", "50", "90"]


class Bench(ControlPort):
    """Software on one side, a machine that takes descriptors and completes them on the other."""

    def __init__(self, dut, case: str) -> None:
        super().__init__(dut, "axil")
        self.stall_control(case, SEED)

    async def start(self) -> None:
        dut = self.dut
        start_clock(dut)
        for name in ("word_addr", "take", "busy", "done_valid", "counter_valid", "counter"):
            getattr(dut, name).value = 0
        dut.rst.value = 1
        await ClockCycles(dut.clk, 3)
        dut.rst.value = 0
        await RisingEdge(dut.clk)

    async def field(self, name: str, field: str) -> int:
        place = REGS[name][field]
        return await self.read(name) >> place.low & (1 << place.bits) - 1

    async def take(self) -> tuple[int, list[int]]:
        """The machine's side: wait for a descriptor, read its words, take it."""
        dut = self.dut
        for _ in range(200):
            if dut.waiting.value:
                break
            await RisingEdge(dut.clk)
        assert dut.waiting.value, "no descriptor arrived"
        tag, words = int(dut.tag.value), []
        for n in range(WORDS):
            dut.word_addr.value = n
            await ClockCycles(dut.clk, 2)
            await FallingEdge(dut.clk)
            words.append(int(dut.word.value))
        dut.take.value = 1
        await RisingEdge(dut.clk)
        dut.take.value = 0
        await RisingEdge(dut.clk)
        return tag, words

    def pulses(self, *names: str) -> dict[str, int]:
        """Cycles in which each of these outputs has been high from now on; goes on counting."""
        found = dict.fromkeys(names, 0)

        async def count() -> None:
            while True:
                await RisingEdge(self.dut.clk)
                for name in names:
                    found[name] += int(getattr(self.dut, name).value)

        cocotb.start_soon(count())
        return found

    async def complete(self, tag: int, status: int) -> None:
        dut = self.dut
        dut.done_valid.value, dut.done_tag.value, dut.done_status.value = 1, tag, status
        await RisingEdge(dut.clk)
        while not dut.done_ready.value:
            await RisingEdge(dut.clk)
        dut.done_valid.value = 0


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def constants_and_resets(dut):
    """Identity and capabilities read as configured, everything else as its reset value."""
    bench = Bench(dut, "none")
    await bench.start()
    assert (await bench.read("id")).to_bytes(4, "little") == b"GEMM"
    assert await bench.read("version") == 0x00010002
    assert await bench.read("config_hash") == 0xDEADBEEF
    assert await bench.field("geometry", "rows") == 8
    assert await bench.field("geometry", "cols") == 256
    for name in ("status", "irq_status", "irq_mask", "completion", "doorbell", "control"):
        assert await bench.read(name) == 0, name
    # Constants cannot be written.
    await bench.write("id", 0)
    assert (await bench.read("id")).to_bytes(4, "little") == b"GEMM"


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(case=STALLS)
async def descriptors(dut, case):
    """Words written with any strobes reach the machine, and stay in the window afterwards."""
    bench = Bench(dut, case)
    await bench.start()
    rng = random.Random(SEED)
    image = [0] * WORDS
    for number in range(3 * QUEUE):
        # The first time every word, later a few, some of them in part.
        for n in range(WORDS) if number == 0 else rng.sample(range(WORDS), 4):
            first, last = (0, 4) if number == 0 else sorted(rng.sample(range(5), 2))
            part = rng.randbytes(last - first)
            await bench.master.write(WINDOW + 4 * n + first, part)
            old = image[n].to_bytes(4, "little")
            image[n] = int.from_bytes(old[:first] + part + old[last:], "little")
        assert await bench.write("doorbell", number + 1) == AxiResp.OKAY
        # Changed at once for the next one, while the copy is under way.
        n = rng.randrange(WORDS)
        expected = list(image)
        image[n] = rng.getrandbits(32)
        await bench.master.write(WINDOW + 4 * n, image[n].to_bytes(4, "little"))
        assert await bench.take() == (number + 1, expected)
        for n in rng.sample(range(WORDS), 3):
            done = await bench.master.read(WINDOW + 4 * n, 4)
            assert int.from_bytes(done.data, "little") == image[n]


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(case=STALLS)
async def queue_and_completions(dut, case):
    """A full queue answers SLVERR and drops; completions come in order; interrupts follow mask."""
    bench = Bench(dut, case)
    await bench.start()
    for n in range(WORDS):
        await bench.master.write(WINDOW + 4 * n, bytes(4))
    await bench.write("irq_mask", 0b10)
    for tag in range(QUEUE):
        await bench.master.write(WINDOW, bytes([tag, 0, 0, 0]))
        assert await bench.write("doorbell", tag) == AxiResp.OKAY
        assert await bench.field("status", "waiting") == tag + 1
    assert await bench.write("doorbell", 99) == AxiResp.SLVERR
    assert await bench.field("status", "dropped") == 1
    await bench.write("status", 1 << REGS["status"]["dropped"].low)
    assert await bench.field("status", "dropped") == 0
    for tag in range(QUEUE):
        got, words = await bench.take()
        assert (got, words[0]) == (tag, tag)
        await bench.complete(tag, 5 if tag == QUEUE - 1 else 0)
        await ClockCycles(dut.clk, 3)
        assert dut.irq.value == (tag == QUEUE - 1)
    assert await bench.field("status", "completions") == QUEUE
    assert await bench.read("irq_status") == 0b11
    await bench.write("irq_status", 0b10)
    assert await bench.read("irq_status") == 0b01
    assert dut.irq.value == 0
    await bench.write("irq_mask", 0b01)
    await ClockCycles(dut.clk, 2)
    assert dut.irq.value == 1
    # Full: a further completion waits until one is dropped.
    extra = cocotb.start_soon(bench.complete(77, 7))
    await ClockCycles(dut.clk, 20)
    assert not extra.done()
    for tag in range(QUEUE):
        assert await bench.field("completion", "valid") == 1
        assert await bench.field("completion", "tag") == tag
        assert await bench.field("completion", "status") == (5 if tag == QUEUE - 1 else 0)
        await bench.write("completion_pop", 1)
    assert await bench.field("completion", "tag") == 77
    await bench.write("completion_pop", 1)
    assert await bench.read("completion") == 0
    await bench.write("completion_pop", 1)  # nothing to drop: no harm
    assert await bench.read("completion") == 0
    assert extra.done()


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def acts_by_strobes(dut):
    """What acts when it is written looks at the strobes of its bytes, all 16 patterns of them."""
    bench = Bench(dut, "none")
    await bench.start()
    pulses = bench.pulses("abort", "popped")
    everything = (1 << 32) - 1
    for strobes in range(16):
        low, tagged = strobes & 1, bool(strobes & 3)
        # Doorbell: any byte of the tag rings it, with that part of the tag.
        assert await bench.write_bytes("doorbell", 0xABCD, strobes) == AxiResp.OKAY
        assert await bench.field("status", "waiting") == tagged
        if tagged:
            tag, _ = await bench.take()
            assert tag == (0xCD if low else 0) | (0xAB00 if strobes & 2 else 0)
        # Full, so that it is dropped; the flag is in the second byte of its register.
        for n in range(QUEUE):
            await bench.write("doorbell", n)
        full = await bench.write_bytes("doorbell", 1, strobes)
        assert full == (AxiResp.SLVERR if tagged else AxiResp.OKAY)
        assert await bench.field("status", "dropped") == tagged
        await bench.write("doorbell", 1)
        await bench.write_bytes("status", everything, strobes)
        assert await bench.field("status", "dropped") == (not strobes & 2)
        await bench.write("status", everything)
        for _ in range(QUEUE):
            await bench.take()
        # The others have their bits in the first byte.
        before = dict(pulses)
        await bench.write_bytes("control", everything, strobes)
        await ClockCycles(dut.clk, 4)
        assert pulses["abort"] == before["abort"] + low
        await bench.write_bytes("irq_mask", everything, strobes)
        assert await bench.read("irq_mask") == (3 if low else 0)
        await bench.write("irq_mask", 0)
        await bench.complete(7, 1)
        await bench.write_bytes("irq_status", everything, strobes)
        assert await bench.read("irq_status") == (0 if low else 3)
        await bench.write("irq_status", everything)
        await bench.write_bytes("completion_pop", everything, strobes)
        await ClockCycles(dut.clk, 4)
        assert pulses["popped"] == before["popped"] + low
        assert await bench.field("completion", "valid") == (not low)
        await bench.write("completion_pop", 1)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def counters_and_abort(dut):
    """A counter is answered whenever it comes; abort and pop are seen for a cycle each."""
    bench = Bench(dut, "none")
    await bench.start()
    seen = bench.pulses("abort", "popped")

    async def answer():
        while True:
            await RisingEdge(dut.clk)
            if dut.counter_read.value and not dut.counter_valid.value:
                address = int(dut.counter_addr.value)
                await ClockCycles(dut.clk, address % 5)
                dut.counter_valid.value, dut.counter.value = 1, 1000 + address
                await RisingEdge(dut.clk)
                dut.counter_valid.value = 0

    assert await bench.read("counters") == 0  # of no completion
    cocotb.start_soon(answer())
    await bench.complete(1, 0)
    for n in (0, 1, 7, 63, 127):
        assert await bench.read("counters", 4 * n) == 1000 + n
    await bench.write("control", 1)
    await bench.write("control", 0)
    await bench.write("completion_pop", 1)
    await ClockCycles(dut.clk, 3)
    assert seen == {"abort": 1, "popped": 1}
