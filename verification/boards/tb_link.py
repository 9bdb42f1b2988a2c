"""Cocotb tests of a board's link: requests, all that can go wrong with them, and a product."""

import os
import random
from dataclasses import replace

import cocotb
import numpy as np
from cocotb.queue import Queue
from cocotb.triggers import Timer, with_timeout
from cocotb.utils import get_sim_time

from insitu.hdl.bus.link import HEADER, NO_REQUEST, LinkStatus, Op, Space
from insitu.hdl.shell.registers import registers
from insitu.host.link import END, frame, unframe
from insitu.program import registers as regs
from insitu.program.descriptor import Descriptor
from insitu.verification.boards.tb_board import BIT_NS, begin, receive, send

SEED = int(os.environ.get("INSITU_SEED", "1"))
MEMORY = int(os.environ["INSITU_MEMORY"])
WORDS = int(os.environ["INSITU_WORDS"])  # of a request
SPAN = 4 * WORDS  # words of memory that are watched
BYTE_NS = 10 * BIT_NS


class Host:
    """The other end of the line."""

    def __init__(self, dut) -> None:
        self.dut, self.number, self.raw = dut, 0, Queue()

    async def listen(self) -> None:
        """Takes what comes, for ever."""
        while True:
            self.raw.put_nowait(await receive(self.dut))

    async def send(self, data: bytes) -> None:
        for byte in data:
            await send(self.dut, byte)

    async def answer(self, within: int = 4 * WORDS + 64) -> bytes | None:
        """The next response's body, or None if no whole one comes for ``within`` bytes' time."""
        body = bytearray()
        until = get_sim_time("ns") + (within + len(body)) * BYTE_NS
        while get_sim_time("ns") < until:
            if self.raw.empty():
                await Timer(BYTE_NS, "ns")
                continue
            byte = self.raw.get_nowait()
            if byte != END:
                body.append(byte)
            elif body:
                found = unframe(bytes(body))
                assert found is not None, "a broken response"
                return found
        assert not body, "half a response"
        return None

    def request(self, op: int, addr: int, count: int, data: bytes = b"") -> bytes:
        """A new one's body."""
        self.number = (self.number + 1) % 255
        head = bytes([op, self.number]) + count.to_bytes(2, "little") + addr.to_bytes(4, "little")
        return head + data

    async def asked(self, body: bytes) -> tuple[int, bytes]:
        """Status and words."""
        await self.send(frame(body))
        found = await self.answer()
        assert found is not None, "no answer"
        assert found[0] == body[1]
        return found[-1], found[1:-1]

    async def read(self, addr: int, count: int) -> bytes:
        status, words = await self.asked(self.request(Op.READ, addr, count))
        assert status == LinkStatus.OK
        assert len(words) == 4 * count
        return words

    async def write(self, addr: int, data: bytes) -> None:
        status, _ = await self.asked(self.request(Op.WRITE, addr, len(data) // 4, data))
        assert status == LinkStatus.OK

    async def fill(self, rng: random.Random) -> bytearray:
        """Known contents of the memory's first and last words."""
        kept = bytearray(rng.randbytes(4 * SPAN))
        for start in range(0, 4 * SPAN, 4 * WORDS):
            part = bytes(kept[start : start + 4 * WORDS])
            await self.write(place(start), part)
        return kept

    async def check(self, kept: bytes | bytearray) -> None:
        for start in range(0, 4 * SPAN, 4 * WORDS):
            count = min(WORDS, SPAN - start // 4)
            assert await self.read(place(start), count) == kept[start : start + 4 * count], start


async def started(dut) -> Host:
    """A host of a board that comes out of reset."""
    await begin(dut)
    host = Host(dut)
    cocotb.start_soon(host.listen())
    return host


def place(offset: int) -> int:
    """Half of the watched words are the memory's first, half its last ones."""
    return offset if offset < 2 * SPAN else MEMORY - 4 * SPAN + offset


@cocotb.test()
async def words(dut):
    """Any words are written and read, with bytes that must be escaped, and nothing beside them."""
    rng = random.Random(SEED)
    host = await started(dut)
    kept = await host.fill(rng)
    for _ in range(40):
        first = rng.randrange(SPAN // 2)
        count = rng.randint(1, min(WORDS, SPAN // 2 - first))
        start = 4 * (first + rng.choice([0, SPAN // 2]))
        if rng.random() < 0.5:
            data = bytes(rng.choice([0xC0, 0xDB, 0xDC, 0xDD, rng.randrange(256)])
                         for _ in range(4 * count))  # fmt: skip
            await host.write(place(start), data)
            kept[start : start + 4 * count] = data
        else:
            assert await host.read(place(start), count) == kept[start : start + 4 * count]
    await host.check(kept)
    board = await host.read(Space.BOARD << 30, 5)
    assert board[:4] == b"INSB"
    assert int.from_bytes(board[8:12], "little") == MEMORY
    name = await host.read(Space.REGISTERS << 30 | regs.ID, 1)
    assert int.from_bytes(name, "little") == registers()["id"].fields[0].reset


@cocotb.test()
async def broken_frames(dut):
    """What is not a whole frame changes nothing, is answered as such, and the next one is good."""
    rng = random.Random(SEED)
    host = await started(dut)
    kept = await host.fill(rng)

    def flipped(raw: bytes) -> bytes:
        n = rng.randrange(1, len(raw) - 1)
        changed = raw[n] ^ 1 << rng.randrange(8)
        return raw[:n] + bytes([changed]) + raw[n + 1 :]

    def dropped(raw: bytes) -> bytes:
        n = rng.randrange(1, len(raw) - 1)
        return raw[:n] + raw[n + 1 :]

    def cut(raw: bytes) -> bytes:
        return raw[: rng.randrange(2, len(raw) - 1)] + bytes([END])

    def escaped(raw: bytes) -> bytes:
        return raw[:-1] + bytes([0xDB, 0x01, END])

    def long(raw: bytes) -> bytes:
        return raw[:-1] + bytes(rng.randrange(0xC0) for _ in range(8 * WORDS)) + raw[-1:]

    for kind in (flipped, dropped, cut, escaped, long):
        for _ in range(6):
            count = rng.randint(1, WORDS)
            first = rng.randrange(SPAN // 2)
            body = host.request(Op.WRITE, place(4 * first), count, rng.randbytes(4 * count))
            await host.send(kind(frame(body)))
            answers = []
            while (found := await host.answer(60)) is not None:
                answers.append(found)
            # A delimiter out of nothing makes two of one.
            assert answers
            assert all(a == bytes([NO_REQUEST, LinkStatus.BAD_FRAME]) for a in answers)
            assert dut.error.value == 1
            await host.read(0, 1)
    # Nothing but delimiters is nothing, and so is a spike.
    await host.send(bytes([END] * 5))
    dut.rx.value = 0
    await Timer(BIT_NS // 4, "ns")
    dut.rx.value = 1
    assert await host.answer(60) is None
    # The line is cut in mid-frame, and is back with another request.
    body = host.request(Op.WRITE, 0, 2, rng.randbytes(8))
    await host.send(frame(body)[:9])
    await Timer(40 * BYTE_NS, "ns")
    await host.send(frame(host.request(Op.READ, 0, 1)))
    while found := await host.answer():
        assert found == bytes([NO_REQUEST, LinkStatus.BAD_FRAME])
    assert await host.read(0, 1) == kept[:4]
    await host.check(kept)


@cocotb.test()
async def bad_requests(dut):
    """Whole frames that ask for what cannot be."""
    rng = random.Random(SEED)
    host = await started(dut)
    kept = await host.fill(rng)
    data = rng.randbytes(4 * WORDS)
    refused, failed = LinkStatus.BAD_REQUEST, LinkStatus.BUS_ERROR
    for op, addr, count, words, expected in (
        (7, 0, 1, b"", refused),
        (Op.READ, 0, 0, b"", refused),
        (Op.READ, 0, WORDS + 1, b"", refused),
        (Op.READ, 0, 0xFFFF, b"", refused),
        (Op.READ, 2, 1, b"", refused),
        (Op.READ, 0, 1, data[:4], refused),
        (Op.WRITE, 0, 0, b"", refused),
        (Op.WRITE, 0, 2, data[:4], refused),
        (Op.WRITE, 0, 1, data[:8], refused),
        (Op.WRITE, 0, WORDS, data[:-1], refused),
        (Op.WRITE, 0, WORDS + 1, data + data[:4], refused),
        (Op.WRITE, 1, 1, data[:4], refused),
        (Op.HELLO, 0, 1, b"", refused),
        (Op.READ, MEMORY, 1, b"", failed),
        (Op.READ, 0x3FFFFFFC, 1, b"", failed),
        (Op.WRITE, MEMORY, 1, data[:4], failed),
        (Op.READ, Space.REGISTERS << 30 | 0x1000, 1, b"", failed),
        (Op.WRITE, Space.REGISTERS << 30 | 0x1000 | regs.DOORBELL, 1, data[:4], failed),
        (Op.READ, Space.BOARD << 30 | 5 << 2, 1, b"", failed),
        (Op.WRITE, Space.BOARD << 30, 1, data[:4], failed),
        (Op.READ, 3 << 30, 1, b"", failed),
    ):
        status, found = await host.asked(host.request(op, addr, count, words))
        assert (status, found) == (expected, b""), (op, hex(addr), count, status)
    # The doorbell's address with a bit too many rang nothing.
    assert await host.read(Space.REGISTERS << 30 | regs.STATUS, 1) == bytes(4)
    # Of a request that runs over the end the words before it are done.
    status, found = await host.asked(host.request(Op.READ, MEMORY - 8, 4))
    assert status == failed
    assert found == kept[-8:]
    status, _ = await host.asked(host.request(Op.WRITE, MEMORY - 4, 2, data[:8]))
    assert status == failed
    kept[-4:] = data[:4]
    await host.check(kept)


@cocotb.test()
async def repeated_writes(dut):
    """A write that comes twice is done once; any other request in between makes it a new one."""
    host = await started(dut)
    first, second = bytes(4), b"\xc0\xdb\x01\x02"
    body = host.request(Op.WRITE, 0, 1, first)
    other = body[:-4] + second
    assert (await host.asked(body))[0] == LinkStatus.OK
    assert (await host.asked(other))[0] == LinkStatus.OK
    assert await host.read(0, 1) == first
    assert (await host.asked(other))[0] == LinkStatus.OK
    assert await host.read(0, 1) == second
    # So is one that was refused: a doorbell when the queue is full would ring late.
    bad = host.request(Op.WRITE, MEMORY, 1, first)
    for _ in range(2):
        assert (await host.asked(bad))[0] == LinkStatus.BUS_ERROR
    # After `hello` numbers begin anew.
    body = host.request(Op.WRITE, 0, 1, first)
    assert (await host.asked(body))[0] == LinkStatus.OK
    assert (await host.asked(bytes([Op.HELLO, 9]) + bytes(HEADER - 2)))[0] == LinkStatus.OK
    assert (await host.asked(body[:-4] + second))[0] == LinkStatus.OK
    assert await host.read(0, 1) == second


@cocotb.test()
async def bytes_while_busy(dut):
    """Bytes that come while a request is answered are lost, and what is left of them refused."""
    host = await started(dut)
    await host.write(0, bytes(range(16)))
    await host.send(frame(host.request(Op.READ, 0, 4)) + frame(host.request(Op.READ, 0, 2)))
    found = await with_timeout(host.answer(), 400 * BYTE_NS, "ns")
    assert found is not None
    assert found[1:-1] == bytes(range(16))
    while await host.answer(60) is not None:
        pass
    assert await host.read(4, 1) == bytes(range(4, 8))


@cocotb.test()
async def product(dut):
    """Matrices and a descriptor over the line, the doorbell, its completion, the result."""
    host, rng = await started(dut), np.random.default_rng(SEED)
    a, b = rng.integers(-128, 128, (3, 10)), rng.integers(-128, 128, (10, 4))
    stride, at = 16, {"a": 0, "b": 64, "c": 128}
    job = Descriptor(3, 4, 10, a=at["a"], b=at["b"], c=at["c"], b_transposed=True)
    job = replace(job, a_stride=stride, b_stride=stride, c_stride=stride)
    for name, rows in (("a", a), ("b", b.T)):
        for n, row in enumerate(rows.astype(np.int8)):
            await host.write(at[name] + n * stride, row.tobytes().ljust(stride, b"\0"))
    space, words = Space.REGISTERS << 30, job.words()
    for first in range(0, len(words), WORDS):
        data = b"".join(word.to_bytes(4, "little") for word in words[first : first + WORDS])
        await host.write(space | regs.DESCRIPTOR_FLAGS + 4 * first, data)
    await host.write(space | regs.DOORBELL, (77).to_bytes(4, "little"))
    for _ in range(50):
        word = int.from_bytes(await host.read(space | regs.COMPLETION, 1), "little")
        if word >> regs.COMPLETION_VALID.low:
            break
    tag, status = (
        word >> field.low & (1 << field.bits) - 1
        for field in (regs.COMPLETION_TAG, regs.COMPLETION_STATUS)
    )
    assert (tag, status) == (77, regs.Status.OK)
    for n, row in enumerate(a @ b):
        found = np.frombuffer(await host.read(at["c"] + n * stride, 4), "<i4")
        assert found.tolist() == row.tolist()
