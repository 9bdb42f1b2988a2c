"""A host's requests over a byte link: words of memory and of registers.

A request is op, sequence number, count of words (16 bits), address (32 bits), then the words of a
write, all little-endian. A response is the sequence number, the words of a read, and a status. Both
travel in frames, see :mod:`insitu.hdl.bus.frames`. Nothing of a request is done before its CRC is
known to be right. A write that comes twice, with nothing in between, is done once, so that a host
that missed the response may repeat it.
"""

from enum import IntEnum

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .frames import CRC_BYTES, FrameReceiver
from .words import WordPort

__all__ = ["HEADER", "Link", "LinkStatus", "Op", "Space"]

HEADER = 8
"""Bytes of a request before its words."""
NO_REQUEST = 0xFF
"""Sequence number of a response to a frame that cannot be trusted."""


class Op(IntEnum):
    """What a request asks for."""

    HELLO = 0
    READ = 1
    WRITE = 2


class Space(IntEnum):
    """Upper two bits of an address."""

    MEMORY = 0
    REGISTERS = 1
    BOARD = 2


class LinkStatus(IntEnum):
    """How a request ended."""

    OK = 0
    BAD_FRAME = 1  # CRC, escape or length: no request
    BAD_REQUEST = 2  # op, count or address
    BUS_ERROR = 3  # a word was refused; those before it are done


class Link(wiring.Component):
    """Answers requests, one at a time.

    Parameters
    ----------
    words : int
        Most words of a request, a power of two.
    board : tuple of int
        Words of the read-only space ``BOARD``.

    Members
    -------
    i : ``In(stream.Signature(8, always_ready=True))``
        Bytes from the line; those that come while a request is worked on are lost.
    o : ``Out(stream.Signature(StructLayout({"data": 8, "last": 1})))``
        Frames for the line.
    memory, registers : ``Out(WordPort(30))``
    bad : Out(1)
        For a cycle: a response that is not ``OK``.
    """

    def __init__(self, words: int, board: tuple[int, ...]):
        self._words, self._board = words, board
        byte = data.StructLayout({"data": 8, "last": 1})
        super().__init__(
            {
                "i": In(stream.Signature(8, always_ready=True)),
                "o": Out(stream.Signature(byte)),
                "memory": Out(WordPort(30)),
                "registers": Out(WordPort(30)),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        size = 2 * 4 * self._words
        m.submodules.frames = frames = FrameReceiver(size)
        m.submodules.buffer = buffer = Memory(shape=8, depth=size, init=[])
        write, read = buffer.write_port(), buffer.read_port()
        wiring.connect(m, wiring.flipped(self.i), frames.i)
        m.d.comb += [
            write.en.eq(frames.write_en),
            write.addr.eq(frames.write_addr),
            write.data.eq(frames.write_data),
        ]

        header = Signal(8 * HEADER)
        op, number, count = header[:8], header[8:16], header[16:32]
        addr = header[32:]
        space = addr[30:]
        place, byte = Signal(range(size)), Signal(range(HEADER))
        last_byte = byte[:2] == 3
        word, left = Signal(32), Signal(range(self._words + 1))
        status, last_number, last_status = Signal(LinkStatus), Signal(8), Signal(LinkStatus)
        known = Signal()
        fetched = Signal()
        m.d.comb += read.addr.eq(place)
        m.d.sync += fetched.eq(0)

        # The access, and where it goes. How it ended is looked at a cycle later: it comes from all
        # over the device, and the next state depends on it.
        asks, done, error, rdata = Signal(), Signal(), Signal(), Signal(32)
        ended, failed = Signal(), Signal()
        m.d.sync += [ended.eq(asks & done & ~ended), failed.eq(error)]
        for port, which in ((self.memory, Space.MEMORY), (self.registers, Space.REGISTERS)):
            m.d.comb += [
                port.valid.eq(asks & ~ended & (space == which)),
                port.write.eq(op == Op.WRITE),
                port.addr.eq(addr[:30]),
                port.wdata.eq(word),
            ]
        with m.Switch(space):
            for port, which in ((self.memory, Space.MEMORY), (self.registers, Space.REGISTERS)):
                with m.Case(which):
                    m.d.comb += [done.eq(port.done), error.eq(port.error), rdata.eq(port.rdata)]
            with m.Default():
                m.d.comb += [done.eq(asks), error.eq((op == Op.WRITE) | (space != Space.BOARD))]
                with m.Switch(addr[2:30]):
                    for n, value in enumerate(self._board):
                        with m.Case(n):
                            m.d.comb += rdata.eq(value)
                    with m.Default():
                        m.d.comb += error.eq(1)

        # All of the header is there for a cycle before it is judged.
        payload = Signal(range(size + 1))
        sane, alone, whole = Signal(), Signal(), Signal()
        m.d.sync += [
            payload.eq(frames.length - (HEADER + CRC_BYTES)),
            sane.eq((addr[:2] == 0) & (count != 0) & (count <= self._words)),
            alone.eq(payload == 0),
            whole.eq(payload == count << 2),
        ]
        with m.FSM():
            with m.State("WAIT"):
                m.d.sync += [place.eq(0), byte.eq(0), status.eq(LinkStatus.OK)]
                with m.If(frames.valid):
                    m.next = "HEADER"
                    with m.If(~frames.good | (frames.length < HEADER + CRC_BYTES)):
                        m.d.sync += [status.eq(LinkStatus.BAD_FRAME), number.eq(NO_REQUEST)]
                        m.next = "NUMBER"
            with m.State("HEADER"):
                m.d.sync += fetched.eq(~fetched)
                with m.If(fetched):
                    m.d.sync += [header.eq(Cat(header[8:], read.data)), byte.eq(byte + 1)]
                    m.d.sync += place.eq(place + 1)
                    with m.If(byte == HEADER - 1):
                        m.next = "SETTLE"
            with m.State("SETTLE"):
                m.next = "CHECK"
            with m.State("CHECK"):
                m.d.sync += [left.eq(count), byte.eq(0), status.eq(LinkStatus.BAD_REQUEST)]
                m.next = "NUMBER"
                with m.Switch(op):
                    with m.Case(Op.HELLO):
                        m.d.sync += known.eq(0)
                        with m.If((count == 0) & alone):
                            m.d.sync += status.eq(LinkStatus.OK)
                    with m.Case(Op.READ):
                        m.d.sync += known.eq(0)
                        with m.If(sane & alone):
                            m.d.sync += status.eq(LinkStatus.OK)
                    with m.Case(Op.WRITE):
                        with m.If(known & (number == last_number)):
                            m.d.sync += status.eq(last_status)
                        with m.Elif(sane & whole):
                            m.d.sync += [status.eq(LinkStatus.OK), known.eq(0)]
                            m.next = "BYTES"
            with m.State("BYTES"):
                m.d.sync += fetched.eq(~fetched)
                with m.If(fetched):
                    m.d.sync += [word.eq(Cat(word[8:], read.data)), place.eq(place + 1)]
                    m.d.sync += byte.eq(byte + 1)
                    with m.If(last_byte):
                        m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += asks.eq(1)
                with m.If(ended):
                    m.d.sync += [left.eq(left - 1), addr.eq(addr + 4)]
                    m.next = "BYTES"
                    with m.If(failed):
                        m.d.sync += status.eq(LinkStatus.BUS_ERROR)
                    with m.If(failed | (left == 1)):
                        m.d.sync += [known.eq(1), last_number.eq(number)]
                        m.d.sync += last_status.eq(Mux(failed, LinkStatus.BUS_ERROR, LinkStatus.OK))
                        m.next = "NUMBER"
            with m.State("NUMBER"):
                m.d.sync += byte.eq(0)
                m.d.comb += [self.o.valid.eq(1), self.o.payload.data.eq(number)]
                with m.If(self.o.ready):
                    m.next = "STATUS"
                    with m.If((op == Op.READ) & (status == LinkStatus.OK)):
                        m.next = "READ"
            with m.State("READ"):
                m.d.comb += asks.eq(1)
                with m.If(~ended):
                    m.d.sync += word.eq(rdata)
                with m.Else():
                    m.d.sync += [left.eq(left - 1), addr.eq(addr + 4)]
                    m.next = "SEND"
                    with m.If(failed):
                        m.d.sync += status.eq(LinkStatus.BUS_ERROR)
                        m.next = "STATUS"
            with m.State("SEND"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.data.eq(word[:8])]
                with m.If(self.o.ready):
                    m.d.sync += [word.eq(word >> 8), byte.eq(byte + 1)]
                    with m.If(last_byte):
                        m.next = "READ"
                        with m.If(left == 0):
                            m.next = "STATUS"
            with m.State("STATUS"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.payload.data.eq(status),
                    self.o.payload.last.eq(1),
                ]
                with m.If(self.o.ready):
                    m.d.comb += [frames.take.eq(1), self.bad.eq(status != LinkStatus.OK)]
                    m.next = "WAIT"
        return m
