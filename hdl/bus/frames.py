"""Frames on a serial line: bytes between delimiters, guarded by a CRC.

Delimiter and escapes are those of SLIP (RFC 1055), so that a link finds the next frame whatever
was lost; the CRC is CRC-16/IBM-3740, high byte first, over all bytes before it.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC16_IBM_3740
from amaranth.lib.wiring import In, Out

__all__ = ["CRC_BYTES", "END", "ESC", "ESC_END", "ESC_ESC", "FrameReceiver", "FrameSender"]

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
CRC_BYTES = 2


class FrameReceiver(wiring.Component):
    """Writes a frame to a buffer, and says whether all of it is right.

    Bytes that come between a frame's end and ``take`` are lost. An empty frame is none.

    Parameters
    ----------
    size : int
        Bytes of the buffer, a power of two; a longer frame is wrong.

    Members
    -------
    i : ``In(stream.Signature(8, always_ready=True))``
    write_en, write_addr, write_data : Out
        Of the buffer; the CRC is written as well.
    valid, good, length : Out
        A frame is in the buffer, until ``take``; its CRC is right; its bytes, CRC included.
    take : In(1)
    """

    def __init__(self, size: int):
        self._size = size
        super().__init__(
            {
                "i": In(stream.Signature(8, always_ready=True)),
                "write_en": Out(1),
                "write_addr": Out(range(size)),
                "write_data": Out(8),
                "valid": Out(1),
                "good": Out(1),
                "length": Out(range(size + 1)),
                "take": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = check = CRC16_IBM_3740(data_width=8).create()
        byte = self.i.payload
        escaped, broken, ends = Signal(), Signal(), Signal()
        takes = Signal()
        m.d.comb += [
            takes.eq(self.i.valid & ~self.valid),
            ends.eq(takes & (byte == END)),
            self.write_addr.eq(self.length),
            self.write_data.eq(Mux(~escaped, byte, Mux(byte == ESC_END, END, ESC))),
            check.start.eq(self.take),
            check.data.eq(self.write_data),
            check.valid.eq(self.write_en),
            self.good.eq(~broken & ~escaped & check.match_detected),
        ]
        with m.If(self.take):
            m.d.sync += [self.valid.eq(0), self.length.eq(0), broken.eq(0), escaped.eq(0)]
        with m.Elif(ends):
            m.d.sync += self.valid.eq((self.length != 0) | broken | escaped)
        with m.Elif(takes & (byte == ESC) & ~escaped):
            m.d.sync += escaped.eq(1)
        with m.Elif(takes):
            m.d.sync += escaped.eq(0)
            with m.If((self.length == self._size) | (escaped & (byte >> 1 != ESC_END >> 1))):
                m.d.sync += broken.eq(1)
            with m.Else():
                m.d.comb += self.write_en.eq(1)
                m.d.sync += self.length.eq(self.length + 1)
        return m


class FrameSender(wiring.Component):
    """Puts delimiters, escapes and CRC around bytes.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"data": 8, "last": 1})))``
        Bytes of frames, at least one each.
    o : ``Out(stream.Signature(8))``
        Bytes for the line.
    """

    def __init__(self) -> None:
        byte = data.StructLayout({"data": 8, "last": 1})
        super().__init__({"i": In(stream.Signature(byte)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = check = CRC16_IBM_3740(data_width=8).create()
        byte, escaped, special = Signal(8), Signal(), Signal()
        shown, sent = Signal(), Signal()
        m.d.comb += [
            special.eq((byte == END) | (byte == ESC)),
            check.data.eq(self.i.payload.data),
        ]
        with m.If(escaped):
            m.d.comb += self.o.payload.eq(Mux(byte == END, ESC_END, ESC_ESC))
        with m.Else():
            m.d.comb += self.o.payload.eq(Mux(special, ESC, byte))
        # A byte is over when it is on the line, with its escape.
        m.d.comb += [self.o.valid.eq(shown), sent.eq(shown & self.o.ready & (escaped | ~special))]
        with m.If(shown & self.o.ready):
            m.d.sync += escaped.eq(special & ~escaped)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [check.start.eq(1), self.o.payload.eq(END)]
                m.d.comb += self.o.valid.eq(self.i.valid)
                with m.If(self.i.valid & self.o.ready):
                    m.next = "BODY"
            with m.State("BODY"):
                m.d.comb += [byte.eq(self.i.payload.data), shown.eq(self.i.valid)]
                m.d.comb += [self.i.ready.eq(sent), check.valid.eq(sent)]
                with m.If(sent & self.i.payload.last):
                    m.next = "HIGH"
            with m.State("HIGH"):
                m.d.comb += [byte.eq(check.crc[8:]), shown.eq(1)]
                with m.If(sent):
                    m.next = "LOW"
            with m.State("LOW"):
                m.d.comb += [byte.eq(check.crc[:8]), shown.eq(1)]
                with m.If(sent):
                    m.next = "END"
            with m.State("END"):
                m.d.comb += [self.o.payload.eq(END), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m
