"""Contract of the write master: bursts, their data and their answers."""

from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Cover, Elaboratable, Module, Mux, Signal, Value
from amaranth.hdl._ast import AnySeq, Initial

from insitu.hdl.bus import WriteMaster

from .segments import WORD, Segments, hold, shape

__all__ = ["WriteContract"]


class WriteContract(Elaboratable):
    """A write master between any segments, any words and any legal memory.

    Words come in the order of their segments, before or after these, and leave in that order, as
    many per burst as it has beats. So word n is written to the n-th address that bursts name, and
    those cover the segments in order.

    Parameters
    ----------
    part : "bursts", "answers", "data" or "words"
        What to assert: small proofs are quicker than one. ``data`` is when words leave and which of
        them are last; ``words`` what is in them.
    bit : int or None
        The only one that ``words`` looks at, for a proof that ends: of a word's data, and after
        these of its strobes.
    """

    PAGE = 4
    LONGEST = 2
    OUTSTANDING = 2

    def __init__(self, part: str, bit: int | None = None) -> None:
        self._part, self._bit = part, bit
        # Bursts are right whenever they are offered, so the words that are here do not matter;
        # words keep their order whenever they leave.
        free = {"bursts": "unclaimed", "words": "has_length"}
        self.cut = (free[part],) if part in free else ()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        limits: dict[str, Any] = {"longest": self.LONGEST, "outstanding": self.OUTSTANDING}
        m.submodules.block = block = WriteMaster(**shape(self.PAGE), **limits)
        axi, words = block.axi, block.words
        segments = Segments(m, block.i, self.PAGE)
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
        elif self._part == "data":
            self._data(m, block, moves, ends, new)
        else:
            self._order(m, block, moves)
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
        """Data is here before its burst is offered; it leaves then, bursts' ends marked."""
        axi, words = block.axi, block.words
        hold(m, axi.wvalid, axi.wready, axi.wdata, axi.wstrb, axi.wlast)
        beats = axi.awlen + 1
        stored = words.valid & words.ready
        spare = Signal(range(16))  # words here that no burst has been offered for
        m.d.sync += spare.eq(spare + stored - Mux(new, beats, 0))
        with m.If(new):
            m.d.comb += Assert((beats <= self.LONGEST) & (beats <= spare))

        # Data of offered bursts leaves from the cycle after the offer on, with a cycle between two
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

    def _order(self, m, block, moves) -> None:
        """Words leave in the order in which they came."""
        axi, words = block.axi, block.words
        given, sent = Cat(words.payload.data, words.payload.strb), Cat(axi.wdata, axi.wstrb)
        if self._bit is not None:
            given, sent = given[self._bit], sent[self._bit]
        came, left = Signal(range(16)), Signal(range(16))  # words, modulo 16
        stored = words.valid & words.ready
        m.d.sync += [came.eq(came + stored), left.eq(left + moves)]
        inside, before = Signal.like(came), Signal.like(came)
        # One word, chosen by the solver, is watched: those before it leave, then it does. Its place
        # as a number of its own is what makes the proof short: it tells where in the RAM it lies.
        watched, place = Signal(), Signal.like(came)
        value = Signal.like(given)
        m.d.comb += [inside.eq(came - left), before.eq(place - left)]
        with m.If(stored & AnySeq(1) & ~watched):
            m.d.sync += [watched.eq(1), place.eq(came), value.eq(given)]
        leaves = watched & moves & (before == 0)
        with m.If(leaves):
            m.d.sync += watched.eq(0)
        # In one: the engine gives up an assertion after a while, to come back to it later. At most
        # seven are in the buffer's RAM, two after it, two in the slice.
        m.d.comb += Assert(
            (inside <= 11) & (~watched | (before < inside)) & (~leaves | (sent == value))
        )
