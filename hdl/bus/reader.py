"""Read side of a DMA: segments in, data out in the same order."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .axi import BOUNDARY
from .bursts import Master

__all__ = ["ReadMaster"]


class ReadMaster(Master):
    """Reads segments of memory over AXI4, several bursts outstanding.

    All bursts have one ID, so data comes back in order. Latency from ``rvalid`` to ``valid`` is one
    cycle. Ask for a segment only with room for it: a word that is not taken stops the
    bus.

    Parameters
    ----------
    addr_bits, data_bits : int
        Of the bus.
    tag_bits : int
        A segment's tag comes back with its data.
    longest : int
        Beats of the longest burst.
    outstanding : int
        Bursts under way at most, 1 to 64.
    boundary : int
        See :class:`~insitu.hdl.bus.bursts.Bursts`.
    quick : bool
        A burst may be offered in each cycle, see :class:`~insitu.hdl.bus.bursts.QuickBursts`;
        otherwise in every third.

    Members
    -------
    i : ``In(stream.Signature(segment_layout(addr_bits, tag_bits)))``
        Segments; see :class:`~insitu.hdl.bus.bursts.Bursts`.
    axi : ``Out(Axi4)``
        Read channels are driven; write channels stay idle.
    valid, data, tag, last : Out
        A bus word; ``last`` of its segment. From registers.
    ready : In(1)
        The word is taken. ``axi.rready`` depends on it.
    error : Out(1)
        This word came with an error response; high with ``valid`` only.
    idle : Out(1)
        No segment, burst or word is under way.
    """

    def __init__(
        self,
        addr_bits: int,
        data_bits: int,
        *,
        tag_bits: int = 0,
        longest: int = 64,
        outstanding: int = 8,
        boundary: int = BOUNDARY,
        quick: bool = False,
    ):
        self._tag_bits, self._quick = tag_bits, quick
        word = {"valid": 1, "data": data_bits, "tag": tag_bits, "last": 1, "error": 1, "idle": 1}
        members: dict = {name: Out(shape) for name, shape in word.items()}
        members["ready"] = In(1)
        super().__init__(
            addr_bits, data_bits, longest, outstanding, boundary, tag_bits, members, quick=quick
        )

    def elaborate(self, platform):
        m = Module()
        bus, axi = self._bus, self.axi
        bursts = self._cut(m)

        # Bursts under way, by tag. A burst is offered only while there is room to remember it, and
        # room does not go away before it is taken.
        under_way = data.StructLayout({"final": 1, "tag": self._tag_bits})
        m.submodules.order = order = SyncFIFO(width=under_way.size, depth=self._outstanding)
        oldest = data.View(under_way, order.r_data)
        burst = bursts.o.payload
        issue = Signal()
        room = Signal()
        if self._quick:
            level = order.level + issue - order.r_en
            m.d.sync += room.eq(level < self._outstanding)
        else:  # a cycle late, hence not in the cycle after an issue
            m.d.sync += room.eq(order.w_rdy & ~issue)
        m.d.comb += [
            axi.araddr.eq(burst.addr),
            axi.arlen.eq(burst.len),
            axi.arsize.eq((bus.data_bits // 8).bit_length() - 1),
            axi.arburst.eq(1),
            axi.arcache.eq(0b0011),
            axi.arvalid.eq(bursts.o.valid & room),
            bursts.o.ready.eq(axi.arready & room),
            issue.eq(axi.arvalid & axi.arready),
            order.w_en.eq(issue),
            order.w_data.eq(Cat(burst.final, burst.tag)),
        ]

        m.d.comb += [
            axi.rready.eq(~self.valid | self.ready),
            order.r_en.eq(axi.rvalid & axi.rready & axi.rlast),
        ]
        with m.If(axi.rready):
            m.d.sync += [
                self.valid.eq(axi.rvalid),
                self.data.eq(axi.rdata),
                self.tag.eq(oldest.tag),
                self.last.eq(axi.rlast & oldest.final),
                self.error.eq(axi.rvalid & axi.rresp[1]),
            ]
        empty = bursts.i.ready
        if self._quick:
            # Takes segments while it has some.
            inside = Signal(range(4))
            empty = inside == 0
            m.d.sync += inside.eq(
                inside + (bursts.i.valid & bursts.i.ready) - (issue & burst.final)
            )
        m.d.comb += self.idle.eq(
            empty & ~bursts.o.valid & ~order.r_rdy & ~self.valid & ~self.i.valid
        )
        return m
