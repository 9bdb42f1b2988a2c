"""Contract of the read master: words come back in order, under their segment's tag."""

from amaranth.hdl import Assert, Assume, Cat, Cover, Elaboratable, Module, Signal
from amaranth.hdl._ast import AnySeq, Initial

from insitu.hdl.bus import ReadMaster

from .segments import Segments, hold, shape

__all__ = ["ReadContract"]


class ReadContract(Elaboratable):
    """A read master between any segments and any legal memory.

    Parameters
    ----------
    quick : bool
        As of the master.
    page : int
        Words in a page; bursts have up to 4, or a page.
    part : "all" or "bursts"
        What to assert: with ``bursts`` that they cover their segments, and no more.
    """

    def __init__(self, *, quick: bool = False, page: int = 8, part: str = "all") -> None:
        self._quick, self._page, self._part = quick, page, part
        # Bursts are right whenever they are offered, so what is under way does not matter.
        self.cut = ("room",) if part == "bursts" else ()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = ReadMaster(
            **shape(self._page), tag_bits=1, longest=4, outstanding=2, quick=self._quick
        )
        axi = block.axi
        segments = Segments(m, block.i, self._page)
        taken = axi.arvalid & axi.arready
        m.d.comb += axi.arready.eq(AnySeq(1))
        segments.burst(axi.arvalid, taken, axi.araddr, axi.arlen)
        if self._part == "bursts":
            several = Signal()
            with m.If(taken):
                m.d.sync += several.eq(1)
            m.d.comb += Cover(several & segments.idle & ~Initial())
            return m
        hold(m, axi.arvalid, axi.arready, axi.araddr, axi.arlen)

        # Memory: any data, for bursts it was asked for and not answered, the last beat marked.
        lengths = [Signal(8, name=f"length_{n}") for n in range(2)]
        tags = [Signal(name=f"tag_{n}") for n in range(2)]
        count = Signal(range(3))
        takes = axi.rvalid & axi.rready
        ends = takes & axi.rlast
        waits, last_word = Signal(), Signal(3)
        word = Cat(axi.rdata[0], axi.rresp)
        m.d.sync += [waits.eq(axi.rvalid & ~axi.rready), last_word.eq(word)]
        with m.If(waits):
            m.d.comb += Assume(axi.rvalid & (word == last_word))
        m.d.comb += [
            block.ready.eq(AnySeq(1)),
            axi.rvalid.eq(AnySeq(1)),
            axi.rlast.eq(lengths[0] == 0),
            axi.rdata.eq(AnySeq(1)),
            axi.rresp.eq(AnySeq(2)),
        ]
        with m.If(count == 0):
            m.d.comb += Assume(~axi.rvalid)
        m.d.comb += Assert((count < 2) | ~taken | ends)
        m.d.sync += count.eq(count + taken - ends)
        with m.If(ends):
            m.d.sync += [lengths[0].eq(lengths[1]), tags[0].eq(tags[1])]
        with m.Elif(takes):
            m.d.sync += lengths[0].eq(lengths[0] - 1)
        slot = count - ends
        with m.If(taken):
            for n in range(2):
                with m.If(slot == n):
                    m.d.sync += [lengths[n].eq(axi.arlen), tags[n].eq(segments.tag)]

        # Each word appears a cycle later under its segment's tag, and nothing else does; it stays
        # until it is taken, and only it keeps the bus waiting.
        came, bit, error, owner = Signal(), Signal(), Signal(), Signal()
        with m.If(takes):
            m.d.sync += [
                came.eq(1),
                bit.eq(axi.rdata[0]),
                error.eq(axi.rresp[1]),
                owner.eq(tags[0]),
            ]
        with m.Elif(block.ready):
            m.d.sync += came.eq(0)
        m.d.comb += Assert(block.valid == came)
        m.d.comb += Assert(axi.rready == (~came | block.ready))
        with m.If(came):
            m.d.comb += Assert(
                (block.data[0] == bit) & (block.error == error) & (block.tag == owner)
            )
        with m.If(block.idle):
            m.d.comb += Assert((count == 0) & segments.idle & ~came)
        busy = Signal()
        with m.If(count == 2):
            m.d.sync += busy.eq(1)
        m.d.comb += Cover(busy & block.idle & ~Initial())
        return m
