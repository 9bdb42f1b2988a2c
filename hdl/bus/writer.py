"""Write side of a DMA: segments and their data in, bursts out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..config.fields import ceil_log2
from ..stream import Queue, Skid
from .axi import BOUNDARY
from .bursts import Master, burst_layout

__all__ = ["WriteMaster", "write_layout"]


def write_layout(data_bits: int) -> data.StructLayout:
    """A bus word and which of its bytes to write."""
    return data.StructLayout({"data": unsigned(data_bits), "strb": unsigned(data_bits // 8)})


class WriteMaster(Master):
    """Writes segments of memory over AXI4, several bursts outstanding.

    A burst is offered only once all its data is here, so that it hardly holds the bus waiting; its
    data follows from the next cycle on, with a cycle between two words at most, and only where the
    bus waited before. All bursts have one ID.

    Parameters
    ----------
    addr_bits, data_bits : int
        Of the bus.
    longest : int
        Beats of the longest burst; twice as many bus words are buffered.
    outstanding : int
        Bursts without a response at most, 1 to 64.
    boundary : int
        See :class:`~insitu.hdl.bus.bursts.Bursts`.

    Members
    -------
    i : ``In(stream.Signature(segment_layout(addr_bits)))``
        Segments; see :class:`~insitu.hdl.bus.bursts.Bursts`.
    words : ``In(stream.Signature(write_layout(data_bits)))``
        Their data, in order, as many words as the segments have beats.
    axi : ``Out(Axi4)``
        Write channels are driven; read channels stay idle.
    error : Out(1)
        An error response came in the cycle before.
    idle : Out(1)
        No segment or burst was under way in the cycle before, or the last answer came in it. From a
        register. Words whose segment has not come yet do not count.
    """

    def __init__(
        self,
        addr_bits: int,
        data_bits: int,
        *,
        longest: int = 16,
        outstanding: int = 8,
        boundary: int = BOUNDARY,
        target: str = "generic",
    ):
        self._target = target
        words = In(stream.Signature(write_layout(data_bits)))
        members = {"words": words, "error": Out(1), "idle": Out(1, init=1)}
        super().__init__(addr_bits, data_bits, longest, outstanding, boundary, 0, members)

    def elaborate(self, platform):
        m = Module()
        bus, axi = self._bus, self.axi
        bursts = self._cut(m)
        word = write_layout(bus.data_bits)
        # Room for two of the longest bursts, and for what the queue never fills.
        depth = 1 << ceil_log2(2 * self._longest + 3)
        m.submodules.buffer = buffer = Queue(word, depth, target=self._target)
        m.submodules.lengths = lengths = SyncFIFO(width=8, depth=self._outstanding)
        m.d.comb += [
            buffer.i.valid.eq(self.words.valid),
            buffer.i.payload.eq(self.words.payload),
            self.words.ready.eq(buffer.i.ready),
        ]

        # Words in the buffer that no offered burst has claimed yet.
        unclaimed = Signal(range(depth + 3))
        # Bursts that may still be offered before another is answered.
        answers = Signal(range(self._outstanding + 1), init=self._outstanding)
        # The way back from the bus ends here.
        m.submodules.cut = cut = Skid(burst_layout(bus.addr_bits))
        wiring.connect(m, bursts.o, cut.i)
        burst = cut.o.payload
        offered = Signal(burst_layout(bus.addr_bits), reset_less=True)
        claim = Signal()
        # All that a claim needs, the bus among it; only a claim takes any of it away.
        m.d.sync += claim.eq(
            cut.o.valid
            & ~claim
            & (unclaimed > burst.len)
            & (answers != 0)
            & (~axi.awvalid | axi.awready)
        )
        m.d.comb += [
            axi.awaddr.eq(offered.addr),
            axi.awlen.eq(offered.len),
            axi.awsize.eq((bus.data_bits // 8).bit_length() - 1),
            axi.awburst.eq(1),
            axi.awcache.eq(0b0011),
            cut.o.ready.eq(claim),
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
        # One chain of adders, with what is stored, as it comes from far away, at its carry.
        taken = Mux(claim, ~Cat(burst.len, Const(0, 1)).as_signed(), 0)  # beats less than nothing
        total = Cat(Const(1, 1), unclaimed) + Cat(stored, taken).as_signed()
        m.d.sync += unclaimed.eq(total[1:])
        m.d.sync += answers.eq(answers + answered - claim)

        # Data of claimed bursts, in order. A burst's length is known before its first word leaves.
        # After a register slice, as the bus may be far from the words.
        out = buffer.o.payload
        marked = data.StructLayout({"word": word, "last": 1})
        m.submodules.leaving = leaving = Skid(marked, far=True)
        left, is_last = Signal(8, reset_less=True), Signal()  # is_last: left == 0
        moves = Signal()
        # The oldest length stands before the others, in a register of its own. There are no more
        # than bursts without an answer.
        has_length, next_length = Signal(), Signal()
        length = Mux(lengths.r_rdy, lengths.r_data, burst.len)
        with m.If(next_length):
            m.d.sync += [
                left.eq(length),
                is_last.eq(length == 0),
                has_length.eq(lengths.r_rdy | claim),
            ]
        with m.Elif(moves):
            m.d.sync += [left.eq(left - 1), is_last.eq(left == 1)]
        m.d.comb += [
            next_length.eq(~has_length | (moves & is_last)),
            lengths.w_en.eq(claim & (~next_length | lengths.r_rdy)),
            lengths.w_data.eq(burst.len),
            lengths.r_en.eq(next_length),
            leaving.i.valid.eq(buffer.o.valid & has_length),
            leaving.i.payload.word.eq(out),
            leaving.i.payload.last.eq(is_last),
            moves.eq(leaving.i.valid & leaving.i.ready),
            buffer.o.ready.eq(leaving.i.ready & has_length),
            axi.wdata.eq(leaving.o.payload.word.data),
            axi.wstrb.eq(leaving.o.payload.word.strb),
            axi.wlast.eq(leaving.o.payload.last),
            axi.wvalid.eq(leaving.o.valid),
            leaving.o.ready.eq(axi.wready),
        ]
        m.d.sync += self.error.eq(answered & axi.bresp[1])
        most = self._outstanding
        m.d.sync += self.idle.eq(
            ~self.i.valid
            & bursts.i.ready
            & ~bursts.o.valid
            & ~cut.o.valid
            & ((answers == most) | ((answers == most - 1) & answered))
            & ~axi.awvalid
        )
        return m
