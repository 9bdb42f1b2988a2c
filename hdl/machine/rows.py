"""Two-dimensional transfers into segments, one per row."""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.bursts import BEATS_BITS, segment_layout

__all__ = ["Rows", "transfer_layout"]

ROWS_BITS = 16


def transfer_layout(addr_bits: int, tag_bits: int, words_bits: int) -> data.StructLayout:
    """``rows`` rows, ``stride`` bytes apart, of ``beats`` bus words from ``addr``.

    ``words`` is the room that a row takes where its data goes, ``tag`` says where.
    """
    return data.StructLayout(
        {
            "addr": unsigned(addr_bits),
            "rows": unsigned(ROWS_BITS),
            "stride": unsigned(addr_bits),
            "beats": unsigned(BEATS_BITS),
            "words": unsigned(words_bits),
            "tag": unsigned(tag_bits),
        }
    )


class Rows(wiring.Component):
    """Walks the rows of transfers, each as soon as there is room for it.

    A segment per two cycles at most. The next transfer is accepted in the cycle in which the last
    segment of this one is taken.

    Parameters
    ----------
    addr_bits, tag_bits, words_bits : int

    Members
    -------
    i : ``In(stream.Signature(transfer_layout(...)))``
        ``rows`` and ``beats`` at least 1.
    o : ``Out(stream.Signature(segment_layout(addr_bits, tag_bits)))``
        From registers.
    tag, need : Out
        Where the next row goes and the words it takes there; from registers, with ``asks``.
    asks : Out(1)
    room : In(1)
        There is room for it, in this cycle and, unless ``reserve`` is high, in all that follow.
    reserve : Out(1)
        The room is taken.
    """

    def __init__(self, addr_bits: int, tag_bits: int, words_bits: int):
        self._addr_bits = addr_bits
        super().__init__(
            {
                "i": In(stream.Signature(transfer_layout(addr_bits, tag_bits, words_bits))),
                "o": Out(stream.Signature(segment_layout(addr_bits, tag_bits))),
                "asks": Out(1),
                "tag": Out(tag_bits),
                "need": Out(words_bits),
                "room": In(1),
                "reserve": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        transfer = Signal(i.payload.shape(), reset_less=True)
        held, last = Signal(), Signal()
        taken = Signal()
        m.d.comb += [
            taken.eq(o.valid & o.ready),
            last.eq(transfer.rows == 1),
            i.ready.eq(~held | (taken & last)),
            self.asks.eq(held & ~o.valid),
            self.tag.eq(transfer.tag),
            self.need.eq(transfer.words),
            self.reserve.eq(self.asks & self.room),
            o.payload.addr.eq(transfer.addr),
            o.payload.beats.eq(transfer.beats),
            o.payload.tag.eq(transfer.tag),
        ]
        with m.If(self.reserve):
            m.d.sync += o.valid.eq(1)
        with m.Elif(o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(taken):
            m.d.sync += [
                held.eq(~last),
                transfer.rows.eq(transfer.rows - 1),
                transfer.addr.eq(transfer.addr + transfer.stride),
            ]
        with m.If(i.valid & i.ready):
            m.d.sync += [held.eq(1), transfer.eq(i.payload)]
        return m
