"""Rows of a block into segments of memory, each when its buffer has room."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.bursts import BEATS_BITS, segment_layout
from ..config.widths import BLOCK_BITS

__all__ = ["Rows", "rows_layout"]


def rows_layout(addr_bits: int, tag) -> data.StructLayout:
    """``rows`` times ``beats`` bus words, ``stride`` bytes apart from ``addr`` on.

    ``need``: words of the buffer that each row fills. ``tag`` goes with each segment.
    """
    return data.StructLayout(
        {
            "addr": unsigned(addr_bits),
            "stride": unsigned(32),
            "rows": unsigned(BLOCK_BITS),
            "beats": unsigned(BEATS_BITS),
            "need": unsigned(BLOCK_BITS),
            "tag": tag,
        }
    )


class Rows(wiring.Component):
    """Walks the rows of a block.

    A row takes ``3 + late`` cycles at least. The next block is accepted in the cycle after the last
    row was taken, or later.

    Parameters
    ----------
    addr_bits : int
    tag : :class:`~amaranth.hdl.ShapeLike`
        Its member ``end``, if there is one, is set with a block's last row.
    late : int
        Cycles by which ``room`` lags ``reserve`` and ``need``.

    Members
    -------
    i : ``In(stream.Signature(rows_layout(addr_bits, tag)))``
        ``rows`` and ``beats`` from 1.
    need, tag : Out
        Of the block under way.
    room : In(1)
        There is room for ``need`` words.
    reserve : Out(1)
        They are taken in the next cycle; a register.
    o : ``Out(stream.Signature(segment_layout(addr_bits, bits of tag)))``
        From registers.
    end : Out(addr_bits)
        Where the row after the last would begin; valid while ``i.ready``.
    """

    def __init__(self, addr_bits: int, tag, late: int = 0):
        self._late = late
        self._block = rows_layout(addr_bits, tag)
        bits = self._block["tag"].width
        super().__init__(
            {
                "i": In(stream.Signature(self._block)),
                "need": Out(BLOCK_BITS),
                "tag": Out(tag),
                "room": In(1),
                "reserve": Out(1),
                "o": Out(stream.Signature(segment_layout(addr_bits, bits))),
                "end": Out(addr_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        block = Signal(self._block, reset_less=True)
        busy = Signal()
        # Room, here and after, is looked at in one cycle, used in the next and gone in the one
        # after: nothing else takes it meanwhile. What is said of it is old for some cycles after a
        # row or a new block.
        roomy = Signal()  # only while busy
        old = Signal(self._late + 1)
        accept = Signal()
        issue = self.reserve
        tag = Signal.like(block.tag)
        m.d.comb += tag.eq(block.tag)
        if isinstance(tag, data.View) and "end" in dict(tag.shape()):
            m.d.comb += tag.end.eq(block.rows == 1)
        m.d.comb += [
            i.ready.eq(~busy),
            accept.eq(i.valid & i.ready),
            issue.eq(roomy),
            self.need.eq(block.need),
            self.tag.eq(block.tag),
            self.end.eq(block.addr),
        ]
        m.d.sync += [
            old.eq(Cat(issue, old[0] | accept, old[1:])),
            roomy.eq(busy & self.room & ~issue & ~old.any() & (~o.valid | o.ready)),
        ]
        with m.If(o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(issue):
            m.d.sync += [
                o.valid.eq(1),
                o.payload.addr.eq(block.addr),
                o.payload.beats.eq(block.beats),
                o.payload.tag.eq(tag),
                block.addr.eq(block.addr + block.stride),
                block.rows.eq(block.rows - 1),
                busy.eq(block.rows != 1),
            ]
        with m.If(accept):
            m.d.sync += [busy.eq(1), block.eq(i.payload)]
        return m
