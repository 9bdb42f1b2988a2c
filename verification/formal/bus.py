"""Contracts of the DMA masters: bursts cover their segments, keep to the rules and are held."""

from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Const, Cover, Elaboratable, Module, Mux, Signal, Value
from amaranth.hdl._ast import AnySeq, Initial

from hdl.bus import ReadMaster, WriteMaster

__all__ = ["ReadContract", "WriteContract", "hold"]

# Small numbers: words of 1 byte, four pages of them.
WORD = 1
PAGES = 4


def _shape(page: int) -> dict[str, Any]:
    """Parameters of a master: pages of ``page`` words."""
    bits = (PAGES * page * WORD).bit_length()
    return {"addr_bits": bits, "data_bits": 8 * WORD, "boundary": page * WORD}


class _Segments:
    """The segment under way, and what is left of it to be covered by bursts.

    Drives a master's ``i`` with any legal segments and asserts, for each burst that leaves, that it
    begins where the last one ended, does not cross a page, and does not go beyond the segment: so
    segments are covered completely and in order. A segment has two and a half pages at most.
    """

    def __init__(self, m: Module, i, page: int) -> None:
        self._m, self._page = m, page
        most = 5 * page // 2
        bits = Value.cast(i.payload)
        m.d.comb += [i.valid.eq(AnySeq(1)), bits.eq(AnySeq(len(bits)))]
        held, last = Signal(), Signal.like(bits)
        m.d.sync += [held.eq(i.valid & ~i.ready), last.eq(bits)]
        with m.If(held):
            m.d.comb += Assume(i.valid & (bits == last))
        segment = i.payload
        m.d.comb += [
            Assume(segment.addr % WORD == 0),
            Assume((segment.beats >= 1) & (segment.beats <= most)),
            Assume(segment.addr // WORD + segment.beats <= PAGES * page),
        ]
        # In words. `left` is 0 where no segment is under way.
        self._at, self._left = Signal(range(PAGES * page + 1)), Signal(range(most + 1))
        self.tag = Signal.like(segment.tag)
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
                Assert(self._at % self._page + beats <= self._page),
            ]
        # Two more segments may have been taken while the last burst of this one is still on offer.
        empty = Const(0)
        beats_come = Mux(self._starts, self._segment.beats, 0)
        fresh = (self._segment.addr // WORD, beats_come, self._segment.tag)
        here = (self._at, self._left, self.tag)
        waiting = [tuple(Signal.like(x) for x in here) for _ in range(2)]
        first, second = waiting[0][1], waiting[1][1]
        after = [  # the segments behind this one, the new one among them
            tuple(Mux(first != 0, old, new) for old, new in zip(waiting[0], fresh, strict=True)),
            tuple(
                Mux(second != 0, old, Mux(first != 0, new, empty))
                for old, new in zip(waiting[1], fresh, strict=True)
            ),
            tuple(Mux(second != 0, new, empty) for new in fresh),
        ]
        left = Mux(taken, self._left - beats, self._left)
        with m.If(taken):
            m.d.sync += [self._at.eq(self._at + beats), self._left.eq(left)]
        for ends, shown in ((left == 0, [here, *waiting]), (left != 0, waiting)):
            with m.If(ends):
                for place, value in zip(shown, after, strict=False):
                    m.d.sync += [x.eq(y) for x, y in zip(place, value, strict=True)]
        with m.If(left != 0):
            m.d.comb += Assert(after[2][1] == 0)
        self.idle = (self._left == 0) & (first == 0)


def hold(m: Module, valid, ready, *payload) -> None:
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

    def __init__(self, *, quick: bool = False) -> None:
        self._quick = quick

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = ReadMaster(
            **_shape(8), tag_bits=1, longest=4, outstanding=2, quick=self._quick
        )
        axi = block.axi
        segments = _Segments(m, block.i, 8)
        taken = axi.arvalid & axi.arready
        m.d.comb += axi.arready.eq(AnySeq(1))
        segments.burst(axi.arvalid, taken, axi.araddr, axi.arlen)
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


class WriteContract(Elaboratable):
    """A write master behind any segments, any words and any legal memory.

    Words come in the order of their segments, before or after these, and leave in that order, as
    many per burst as it has beats. So word n is written to the n-th address that bursts name, and
    those cover the segments in order.

    Parameters
    ----------
    part : "bursts", "answers" or "data"
        What to assert: small proofs are quicker than one.
    """

    PAGE = 4
    LONGEST = 2
    OUTSTANDING = 2

    def __init__(self, part: str) -> None:
        self._part = part
        # Bursts are right whenever they are offered, so the words that are here do not matter.
        self.cut = ("unclaimed",) if part == "bursts" else ()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        limits: dict[str, Any] = {"longest": self.LONGEST, "outstanding": self.OUTSTANDING}
        m.submodules.block = block = WriteMaster(**_shape(self.PAGE), **limits)
        axi, words = block.axi, block.words
        segments = _Segments(m, block.i, self.PAGE)
        inputs = (axi.awready, axi.wready, axi.bvalid, axi.bresp, words.valid, words.payload)
        for value in map(Value.cast, inputs):
            m.d.comb += value.eq(AnySeq(len(value)))
        held, last = Signal(), Signal.like(Value.cast(words.payload))
        m.d.sync += [held.eq(words.valid & ~words.ready), last.eq(words.payload)]
        with m.If(held):
            m.d.comb += Assume(words.valid & (words.payload.as_value() == last))

        # Memory answers bursts of which it has address and data.
        taken = axi.awvalid & axi.awready
        moves = axi.wvalid & axi.wready
        ends = moves & axi.wlast
        answered = axi.bvalid & axi.bready
        addressed, complete, owed = (
            Signal(range(self.OUTSTANDING + 2), name=name)
            for name in ("addressed", "complete", "owed")
        )
        offered = Signal()
        new = axi.awvalid & ~offered  # a burst's first cycle on offer
        m.d.sync += [
            addressed.eq(addressed + taken - answered),
            complete.eq(complete + ends - answered),
            owed.eq(owed + new - answered),
            offered.eq(axi.awvalid & ~axi.awready),
        ]
        with m.If((addressed == 0) | (complete == 0)):
            m.d.comb += Assume(~axi.bvalid)

        if self._part == "bursts":
            self._bursts(m, block, segments, new)
        elif self._part == "answers":
            # Bursts on the bus with data to come, or an address to be taken.
            count = Signal.like(owed)
            m.d.sync += count.eq(count + new - ends)
            m.d.comb += Assert(owed == complete + count)
            m.d.comb += Assert(owed == addressed + offered)
            self._answers(m, block, answered, owed, new, count != 0)
        else:
            self._data(m, block, moves, ends, new)
        busy = Signal()
        with m.If(owed == self.OUTSTANDING):
            m.d.sync += busy.eq(1)
        m.d.comb += Cover(busy & block.idle & ~Initial())
        return m

    def _bursts(self, m, block, segments, new) -> None:
        """Bursts cover segments."""
        axi = block.axi
        segments.burst(new, new, axi.awaddr, axi.awlen)
        hold(m, axi.awvalid, axi.awready, axi.awaddr, axi.awlen)
        m.d.comb += [
            Assert(axi.awburst == 1),
            Assert(axi.awsize == WORD.bit_length() - 1),
            Assert(~block.idle | segments.idle),
        ]

    def _answers(self, m, block, answered, owed, new, has_data) -> None:
        """No more bursts wait for an answer than may; each answer is taken and told."""
        axi = block.axi
        error = Signal()
        m.d.sync += error.eq(answered & axi.bresp[1])
        m.d.comb += [
            Assert(axi.bready),
            Assert(~axi.wvalid | has_data),
            Assert(owed + new <= self.OUTSTANDING),
            Assert(block.error == error),
            Assert(~block.idle | ((owed == 0) & ~axi.awvalid & ~axi.wvalid)),
        ]

    def _data(self, m, block, moves, ends, new) -> None:
        """Data is here before its burst is offered; it leaves in order, bursts' ends marked."""
        axi, words = block.axi, block.words
        hold(m, axi.wvalid, axi.wready, axi.wdata, axi.wstrb, axi.wlast)
        beats = axi.awlen + 1
        stored = words.valid & words.ready
        spare = Signal(range(16))  # words here that no burst has been offered for
        m.d.sync += spare.eq(spare + stored - Mux(new, beats, 0))
        with m.If(new):
            m.d.comb += Assert((beats <= self.LONGEST) & (beats <= spare))

        # Data of offered bursts leaves from the cycle behind the offer on, with a cycle between two
        # words at most; `wlast` marks the ends.
        lengths = [Signal(range(self.LONGEST), name=f"length_{n}") for n in range(self.OUTSTANDING)]
        count, beat = Signal(range(self.OUTSTANDING + 2)), Signal(range(self.LONGEST))
        late = Signal()
        m.d.sync += late.eq((count != 0) & ~axi.wvalid)
        m.d.comb += Assert(axi.wvalid | (count == 0) | ~late)
        with m.If(axi.wvalid):
            m.d.comb += Assert((count != 0) & (axi.wlast == (beat == lengths[0])))
        m.d.sync += count.eq(count + new - ends)
        with m.If(moves):
            m.d.sync += beat.eq(Mux(axi.wlast, 0, beat + 1))
        for n, length in enumerate(lengths):
            kept = Mux(ends, Cat(*lengths[n + 1 : n + 2]), length)
            m.d.sync += length.eq(Mux(new & (count - ends == n), axi.awlen, kept))

        # Whatever is here belongs to offered bursts or to none yet; this helps the proof along.
        inside = Signal.like(spare)
        m.d.sync += inside.eq(inside + stored - moves)
        rest = sum(Mux(count > n, length + 1, 0) for n, length in enumerate(lengths))
        m.d.comb += Assert(inside == spare + rest - beat)
        m.d.comb += Assert(
            inside <= 11
        )  # seven in the buffer's RAM, two behind it, two in the slice

        # One word, chosen by the solver, is watched: words before it leave, then it does.
        watched, before = Signal(), Signal.like(inside)
        value = Signal(Value.cast(words.payload).shape())
        with m.If(stored & AnySeq(1) & ~watched):
            m.d.sync += [watched.eq(1), value.eq(words.payload), before.eq(inside - moves)]
        with m.Elif(watched & moves):
            m.d.sync += before.eq(before - 1)
            with m.If(before == 0):
                m.d.sync += watched.eq(0)
                m.d.comb += Assert(Cat(axi.wdata, axi.wstrb) == value)
