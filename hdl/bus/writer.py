"""Write side of a DMA: segments and their data in, bursts out."""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..stream import Skid
from .axi import BOUNDARY
from .bursts import Master, burst_layout

__all__ = ["WriteMaster", "write_layout"]


def write_layout(data_bits: int) -> data.StructLayout:
    """A bus word and which of its bytes to write."""
    return data.StructLayout({"data": unsigned(data_bits), "strb": unsigned(data_bits // 8)})


class WriteMaster(Master):
    """Writes segments of memory over AXI4, several bursts outstanding.

    A burst is offered only once all its data is here, so that it never holds the bus waiting, and
    its data follows without a gap. All bursts have one ID.

    Parameters
    ----------
    addr_bits, data_bits : int
        Of the bus.
    longest : int
        Beats of the longest burst; twice as many bus words are buffered.
    outstanding : int
        Bursts without a response at most, 1 to 64.
    boundary : int
        See :class:`~hdl.bus.bursts.Bursts`.

    Members
    -------
    i : ``In(stream.Signature(segment_layout(addr_bits)))``
        Segments; see :class:`~hdl.bus.bursts.Bursts`.
    words : ``In(stream.Signature(write_layout(data_bits)))``
        Their data, in order, as many words as the segments have beats.
    axi : ``Out(Axi4)``
        Write channels are driven; read channels stay idle.
    error : Out(1)
        An error response came in the cycle before.
    idle : Out(1)
        No segment or burst is under way: everything is answered. Words whose segment has not come
        yet do not count.
    """

    def __init__(
        self,
        addr_bits: int,
        data_bits: int,
        *,
        longest: int = 16,
        outstanding: int = 8,
        boundary: int = BOUNDARY,
    ):
        words = In(stream.Signature(write_layout(data_bits)))
        members = {"words": words, "error": Out(1), "idle": Out(1)}
        super().__init__(addr_bits, data_bits, longest, outstanding, boundary, 0, members)

    def elaborate(self, platform):
        m = Module()
        bus, axi = self._bus, self.axi
        bursts = self._cut(m)
        word = write_layout(bus.data_bits)
        depth = 2 * self._longest
        m.submodules.buffer = buffer = SyncFIFOBuffered(width=word.size, depth=depth)
        m.submodules.lengths = lengths = SyncFIFO(width=8, depth=self._outstanding)
        m.d.comb += [
            buffer.w_en.eq(self.words.valid),
            buffer.w_data.eq(self.words.payload),
            self.words.ready.eq(buffer.w_rdy),
        ]

        # Words in the buffer that no offered burst has claimed yet.
        unclaimed = Signal(range(depth + 1))
        # Bursts that may still be offered before another is answered.
        answers = Signal(range(self._outstanding + 1), init=self._outstanding)
        # The way back from the bus ends here.
        m.submodules.cut = cut = Skid(burst_layout(bus.addr_bits))
        wiring.connect(m, bursts.o, cut.i)
        burst = cut.o.payload
        beats = Signal(range(257), reset_less=True)  # known when a claim is possible
        m.d.sync += beats.eq(burst.len + 1)
        offered = Signal(burst_layout(bus.addr_bits), reset_less=True)
        claim, complete = Signal(), Signal()
        # All that a claim needs but the bus; only a claim takes any of it away.
        m.d.sync += complete.eq(
            cut.o.valid & ~claim & (unclaimed > burst.len) & (answers != 0) & lengths.w_rdy
        )
        m.d.comb += [
            axi.awaddr.eq(offered.addr),
            axi.awlen.eq(offered.len),
            axi.awsize.eq((bus.data_bits // 8).bit_length() - 1),
            axi.awburst.eq(1),
            axi.awcache.eq(0b0011),
            claim.eq(complete & (~axi.awvalid | axi.awready)),
            cut.o.ready.eq(claim),
            lengths.w_en.eq(claim),
            lengths.w_data.eq(burst.len),
        ]
        with m.If(claim):
            m.d.sync += [axi.awvalid.eq(1), offered.eq(burst)]
        with m.Elif(axi.awready):
            m.d.sync += axi.awvalid.eq(0)

        stored = Signal()
        answered = Signal()
        m.d.comb += [
            stored.eq(self.words.valid & self.words.ready),
            answered.eq(axi.bvalid & axi.bready),
            axi.bready.eq(1),
        ]
        taken = Signal(range(257))
        with m.If(claim):
            m.d.comb += taken.eq(beats)
        m.d.sync += unclaimed.eq(unclaimed + stored - taken)
        m.d.sync += answers.eq(answers + answered - claim)

        # Data of claimed bursts, in order. A burst's length is known before its first word leaves.
        out = data.View(word, buffer.r_data)
        beat = Signal(8)
        m.d.comb += [
            axi.wdata.eq(out.data),
            axi.wstrb.eq(out.strb),
            axi.wlast.eq(beat == lengths.r_data),
            axi.wvalid.eq(buffer.r_rdy & lengths.r_rdy),
            buffer.r_en.eq(axi.wready & lengths.r_rdy),
            lengths.r_en.eq(axi.wvalid & axi.wready & axi.wlast),
        ]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += beat.eq(beat + 1)
            with m.If(axi.wlast):
                m.d.sync += beat.eq(0)

        m.d.sync += self.error.eq(answered & axi.bresp[1])
        m.d.comb += self.idle.eq(
            ~self.i.valid
            & bursts.i.ready
            & ~bursts.o.valid
            & ~cut.o.valid
            & (answers == self._outstanding)
            & ~axi.awvalid
        )
        return m
