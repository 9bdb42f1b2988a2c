"""Read side of a DMA: segments in, data out in the same order."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .axi import BOUNDARY, Axi4
from .bursts import Bursts, segment_layout

__all__ = ["ReadMaster"]


class ReadMaster(wiring.Component):
    """Reads segments of memory over AXI4, several bursts outstanding.

    All bursts have one ID, so data comes back in order. Data cannot be refused: whoever asks for a
    segment must have room for it. Latency from ``rvalid`` to ``valid`` is one cycle.

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
        See :class:`~hdl.bus.bursts.Bursts`.

    Members
    -------
    i : ``In(stream.Signature(segment_layout(addr_bits, tag_bits)))``
        Segments; see :class:`~hdl.bus.bursts.Bursts`.
    axi : ``Out(Axi4)``
        Read channels are driven; write channels stay idle.
    valid, data, tag, last : Out
        A bus word; ``last`` of its segment. From registers.
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
    ):
        if not 1 <= outstanding <= 64:
            raise ValueError(f"Outstanding bursts must be from 1 to 64, not {outstanding}")
        self._bus = Axi4(data_bits, addr_bits)
        self._tag_bits, self._longest, self._outstanding = tag_bits, longest, outstanding
        self._boundary = boundary
        super().__init__(
            {
                "i": In(stream.Signature(segment_layout(addr_bits, tag_bits))),
                "axi": Out(self._bus),
                "valid": Out(1),
                "data": Out(data_bits),
                "tag": Out(tag_bits),
                "last": Out(1),
                "error": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, axi = self._bus, self.axi
        m.submodules.bursts = bursts = Bursts(
            bus.addr_bits, bus.data_bits, self._longest, self._tag_bits, self._boundary
        )
        wiring.connect(m, wiring.flipped(self.i), bursts.i)

        # Bursts under way, by tag. A burst is offered only while there is room to remember it, and
        # room does not go away before it is taken.
        under_way = data.StructLayout({"final": 1, "tag": self._tag_bits})
        m.submodules.order = order = SyncFIFO(width=under_way.size, depth=self._outstanding)
        oldest = data.View(under_way, order.r_data)
        burst = bursts.o.payload
        issue = Signal()
        m.d.comb += [
            axi.araddr.eq(burst.addr),
            axi.arlen.eq(burst.len),
            axi.arsize.eq((bus.data_bits // 8).bit_length() - 1),
            axi.arburst.eq(1),
            axi.arcache.eq(0b0011),
            axi.arvalid.eq(bursts.o.valid & order.w_rdy),
            bursts.o.ready.eq(axi.arready & order.w_rdy),
            issue.eq(axi.arvalid & axi.arready),
            order.w_en.eq(issue),
            order.w_data.eq(Cat(burst.final, burst.tag)),
        ]

        m.d.comb += [axi.rready.eq(1), order.r_en.eq(axi.rvalid & axi.rlast)]
        m.d.sync += [
            self.valid.eq(axi.rvalid),
            self.data.eq(axi.rdata),
            self.tag.eq(oldest.tag),
            self.last.eq(axi.rlast & oldest.final),
            self.error.eq(axi.rvalid & axi.rresp[1]),
        ]
        m.d.comb += self.idle.eq(
            bursts.i.ready & ~bursts.o.valid & ~order.r_rdy & ~self.valid & ~self.i.valid
        )
        return m
