"""Contract of the read master: bursts cover their segments, keep to the rules and are held."""

from amaranth.hdl import Assert, Assume, Cat, Cover, Elaboratable, Module, Mux, Signal, Value
from amaranth.hdl._ast import AnySeq, Initial

from hdl.bus import ReadMaster

__all__ = ["ReadContract"]

# Small numbers: pages of 8 words of 1 byte, four of them.
SHAPE = {"addr_bits": 6, "data_bits": 8, "boundary": 8}
WORD = SHAPE["data_bits"] // 8
PAGE = SHAPE["boundary"] // WORD
MOST_BEATS = 20


class _Segments:
    """The segment under way, and what is left of it to be covered by bursts.

    Drives a master's ``i`` with any legal segments and asserts, for each burst that leaves, that it
    begins where the last one ended, does not cross a page, and does not go beyond the segment: so
    segments are covered completely and in order.
    """

    def __init__(self, m: Module, i) -> None:
        self._m = m
        bits = Value.cast(i.payload)
        m.d.comb += [i.valid.eq(AnySeq(1)), bits.eq(AnySeq(len(bits)))]
        held, last = Signal(), Signal.like(bits)
        m.d.sync += [held.eq(i.valid & ~i.ready), last.eq(bits)]
        with m.If(held):
            m.d.comb += Assume(i.valid & (bits == last))
        segment = i.payload
        m.d.comb += [
            Assume(segment.addr % WORD == 0),
            Assume((segment.beats >= 1) & (segment.beats <= MOST_BEATS)),
            Assume(segment.addr // WORD + segment.beats <= 4 * PAGE),
        ]
        # In words. `left` is 0 where no segment is under way.
        self._at, self._left = Signal(range(4 * PAGE + 1)), Signal(range(MOST_BEATS + 1))
        self._starts, self._segment = i.valid & i.ready, segment

    def burst(self, offered, taken, addr, length) -> None:
        """Assert the rules for a burst on offer, and account for it where it is taken."""
        m = self._m
        beats = length + 1
        with m.If(offered):
            m.d.comb += [
                Assert(addr % WORD == 0),
                Assert(addr // WORD == self._at),
                Assert(beats <= self._left),
                Assert(self._at % PAGE + beats <= PAGE),
            ]
        # One more segment may have been taken while the last burst of this one is still on offer.
        fresh_at, fresh_left = self._segment.addr // WORD, self._segment.beats
        next_at, next_left = Signal.like(self._at), Signal.like(self._left)
        left = Mux(taken, self._left - beats, self._left)
        with m.If(taken):
            m.d.sync += [self._at.eq(self._at + beats), self._left.eq(left)]
        with m.If(left == 0):
            with m.If(next_left != 0):
                m.d.sync += [self._at.eq(next_at), self._left.eq(next_left), next_left.eq(0)]
            with m.Elif(self._starts):
                m.d.sync += [self._at.eq(fresh_at), self._left.eq(fresh_left)]
        with m.If(self._starts & ((left != 0) | (next_left != 0))):
            m.d.comb += Assert((next_left == 0) | (left == 0))
            m.d.sync += [next_at.eq(fresh_at), next_left.eq(fresh_left)]
        self.idle = (self._left == 0) & (next_left == 0)


def _hold(m: Module, valid, ready, *payload) -> None:
    """Assert that an offer stays as it is until it is taken."""
    held = Signal()
    m.d.sync += held.eq(valid & ~ready)
    for part in payload:
        value = Value.cast(part)
        last = Signal.like(value)
        m.d.sync += last.eq(value)
        with m.If(held):
            m.d.comb += Assert(valid & (value == last))


class ReadContract(Elaboratable):
    """A read master behind any segments and any legal memory."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = ReadMaster(**SHAPE, tag_bits=1, longest=4, outstanding=2)
        axi = block.axi
        segments = _Segments(m, block.i)
        taken = axi.arvalid & axi.arready
        m.d.comb += axi.arready.eq(AnySeq(1))
        segments.burst(axi.arvalid, taken, axi.araddr, axi.arlen)
        _hold(m, axi.arvalid, axi.arready, axi.araddr, axi.arlen)

        # Memory: any data, for bursts it was asked for and not answered, the last beat marked.
        lengths = [Signal(8, name=f"length_{n}") for n in range(2)]
        tags = [Signal(name=f"tag_{n}") for n in range(2)]
        count = Signal(range(3))
        tag = Signal()
        with m.If(segments._starts):
            m.d.sync += tag.eq(block.i.payload.tag)
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
                    m.d.sync += [lengths[n].eq(axi.arlen), tags[n].eq(tag)]

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
