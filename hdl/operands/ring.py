"""Operand buffer: a ring in block RAM, filled in order, read at will, freed in order."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.compare import is_less
from ..stream import ReservedQueue
from .skewed import SkewedMemory

__all__ = ["Ring"]


class Ring(wiring.Component):
    """Holds the words that were fetched and are still needed.

    Words are written one after the other. A reader names them by their distance from a base, any
    number of times, and waits for those that are not here yet; so work can begin on what has come
    while the rest of a block is on its way. A reader may also ask for a column of a tile: one
    element of each of several words, which lie at equal distances. ``move`` takes the base to
    another block, back as well as on; ``free`` gives up the oldest words.

    Room is asked for before words are fetched, as fetched words cannot be refused.

    Reads take one word per cycle; a word appears :meth:`latency` cycles after it was asked for.
    What is on its way ends up in a queue, for which credits are kept, so that stalls at the output
    do not reach the input within a cycle. Whether a word is here is found out a cycle before it is
    read, when what asks for it comes in; of the first after a move in the cycle after.

    Parameters
    ----------
    lanes, bits, depth : int
        Elements of a word and their bits; words, a power of two from 4.
    tag, note : :class:`~amaranth.hdl.ShapeLike`
        What travels with a read; what is shown when it is read.
    far : bool
        What takes the words is far away: credits for them come back a cycle later.
    target : "generic", "ecp5" or "ice40"
        Of the memory.

    Members
    -------
    need : In(range(depth + 1))
        Words to be fetched next.
    room : Out(1)
        So many are free; a cycle late.
    reserve : In(1)
        They are taken; only while ``room``.
    write, word, row : In(1), In(lanes * bits), In(range(lanes))
        Store a word that was reserved; ``row`` of its tile if it is read by columns, else 0.
    i : ``In(stream.Signature({"offset", "skip", "drop", "pad", "stride", "column", "rows", ...}))``
        Read the word ``offset`` after the base; with a ``stride`` other than 0 the ``column`` of
        the tile whose last row is there, with ``rows`` before it, ``stride`` words apart. Rows of
        the tile beyond these are ``pad``; with ``skip`` all is. ``drop``, which wants ``skip``:
        nothing comes out. ``last``: offset of the last word before the base, should a ``move`` come
        after this word. Besides, ``tag`` and ``note``.
    takes, skips, note : Out
        A word is read, in the cycle after ``i`` took it or later; it is a skipped one; its note.
    waits : Out(1)
        The next word is not here yet.
    stop : In(1)
        Read nothing after the word that is read in this cycle. Held until the moves are done.
    o : ``Out(stream.Signature({"word", "pad", "tag"}))``
        The word or column, from registers.
    move, distance, beyond : In(1), Out(range(depth + 1)), Out(signed)
        Add ``distance``, one more than ``last`` of the word read last, to the base, after the reads
        of this cycle: once after a word. ``beyond`` is the same less than nothing, from a
        register.
    returns, back : In(1), In(signed)
        With ``move``: add ``back`` instead.
    free, amount : In(1), In(range(depth + 1))
        Give up that many of the oldest words.
    empty : Out(1)
        No word is held or reserved.
    """

    QUEUE = 16

    @staticmethod
    def latency(lanes: int) -> int:
        """Cycles from what asks for a word to that word."""
        return SkewedMemory.latency(lanes) + 3

    def __init__(
        self,
        lanes: int,
        bits: int,
        depth: int,
        tag=0,
        note=0,
        *,
        far: bool = False,
        target: str = "generic",
    ):
        if depth < 4 or depth & (depth - 1):
            raise ValueError(f"Ring depth must be a power of two from 4, not {depth}")
        self._lanes, self._bits, self._depth, self._target = lanes, bits, depth, target
        self._far = far
        width = depth.bit_length() - 1
        self._read = data.StructLayout(
            {
                "offset": width,
                "skip": 1,
                "drop": 1,
                "pad": bits,
                "stride": width,
                "column": range(lanes),
                "rows": range(lanes),
                "last": width,
                "tag": tag,
                "note": note,
            }
        )
        self._got = data.StructLayout({"word": lanes * bits, "pad": bits, "tag": tag})
        super().__init__(
            {
                "need": In(range(depth + 1)),
                "room": Out(1),
                "reserve": In(1),
                "write": In(1),
                "word": In(lanes * bits),
                "row": In(range(lanes)),
                "i": In(stream.Signature(self._read)),
                "takes": Out(1),
                "skips": Out(1),
                "note": Out(note),
                "waits": Out(1),
                "stop": In(1),
                "o": Out(stream.Signature(self._got)),
                "move": In(1),
                "distance": Out(range(depth + 1)),
                "beyond": Out(signed(width + 1)),
                "returns": In(1),
                "back": In(signed(width + 2)),
                "free": In(1),
                "amount": In(range(depth + 1)),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, depth = self.i, self._depth
        width = depth.bit_length() - 1

        # Words not reserved; words here, counted from the base (negative before it).
        space = Signal(range(depth + 1), init=depth)
        here = Signal(signed(width + 2))
        at, base = Signal(width), Signal(width)
        freed = Signal(range(depth + 1))  # a cycle later
        m.d.comb += self.empty.eq(space == depth)
        m.d.sync += [
            freed.eq(Mux(self.free, self.amount, 0)),
            space.eq(space - Mux(self.reserve, self.need, 0) + freed),
            self.room.eq(self.need <= space),
        ]
        # From each base there can be, all at once, as a move depends on what is read.
        now = Signal(self._read, reset_less=True)
        # Less the words up to the next base: in a register, as an inverter before an adder costs as
        # much as the adder.
        beyond = Signal(signed(width + 1), reset_less=True)
        less_1, less_3 = (Signal(width, name=f"less_{n}", reset_less=True) for n in (1, 3))
        before = Signal(range(self._lanes), reset_less=True)
        first = i.payload.rows + i.payload.column
        ways = [Signal.like(here, name=f"way_{n}") for n in range(3)]
        for way, change in zip(ways, (0, beyond, -self.back), strict=True):
            m.d.comb += way.eq(here + change + self.write)
        m.d.sync += here.eq(Mux(self.move, Mux(self.returns, ways[2], ways[1]), ways[0]))
        with m.If(self.write):
            m.d.sync += at.eq(at + 1)
        with m.If(self.move):
            m.d.sync += base.eq(Mux(self.returns, base + self.back, base - beyond))

        # --- The word at the head: is it here? ---
        is_now, is_here, looks = Signal(), Signal(), Signal()
        has_credit = Signal(init=1)
        takes, reads = self.takes, Signal()
        m.d.comb += [
            self.waits.eq(is_now & ~is_here & ~looks & ~self.stop),
            takes.eq(is_here & has_credit),  # `is_here` only with `is_now`
            reads.eq(takes & ~now.drop),
            self.skips.eq(now.skip),
            self.note.eq(now.note),
            i.ready.eq(~is_now | takes),
        ]
        with m.If(i.ready):
            m.d.sync += is_now.eq(i.valid)
        with m.If(i.valid & i.ready):
            m.d.sync += [
                now.eq(i.payload),
                less_1.eq(-i.payload.stride),
                less_3.eq(i.payload.stride - (i.payload.stride << 2)),
                before.eq(Mux(first >= self._lanes, first - self._lanes, first)),
                beyond.eq(~Cat(i.payload.last, Const(0, 1)).as_signed()),
            ]
        m.d.comb += [self.distance.eq(now.last + 1), self.beyond.eq(beyond)]
        # What was returned to is here. Whether the first word after a move on is here is looked at
        # a cycle later, when it is at the head, as it takes an addition more.
        is_there, is_near = (
            is_less(m, name, Cat(offset, Const(0, 1)).as_signed(), here)
            for name, offset in (("there", i.payload.offset), ("near", now.offset))
        )
        comes = i.valid & (i.payload.skip | Mux(self.move, self.returns, is_there))
        m.d.sync += looks.eq(i.ready & i.valid & self.move & ~comes)
        stays = is_here | now.skip | is_near
        m.d.sync += is_here.eq(~self.stop & Mux(i.ready, comes, stays & ~self.move))

        # --- Memory, and the queue after it ---
        m.submodules.memory = memory = SkewedMemory(
            self._lanes, self._bits, depth, target=self._target
        )
        m.d.comb += [
            memory.write.eq(self.write),
            memory.write_addr.eq(at),
            memory.word.eq(self.word),
            memory.row.eq(self.row),
            memory.base.eq(base),
            memory.offset.eq(now.offset),
            memory.stride.eq(now.stride),
            memory.less_1.eq(less_1),
            memory.less_3.eq(less_3),
            memory.column.eq(now.column),
            memory.before.eq(before),
        ]
        travels = data.StructLayout(
            {"pads": self._lanes, "pad": self._bits, "tag": now.tag.shape()}
        )
        given, valid = data.View(travels, Signal(travels.size, name="given")), reads
        pads = Cat(now.skip | ((now.rows < n) if n else 0) for n in range(self._lanes))
        m.d.comb += given.eq(Cat(pads, now.pad, now.tag))
        for n in range(memory.latency(self._lanes)):
            late = Signal(travels, name=f"travels_{n}", reset_less=True)
            is_late = Signal(name=f"valid_{n}")
            m.d.sync += [late.eq(given), is_late.eq(valid)]
            given, valid = late, is_late
        word = [
            Mux(given.pads[n], given.pad, memory.shown.word_select(n, self._bits))
            for n in range(self._lanes)
        ]
        self._queue(m, Cat(*word, given.pad, given.tag), valid, reads, has_credit)
        return m

    def _queue(self, m: Module, word, valid, reads, has_credit) -> None:
        """Queue of what was read, with a credit for each of its words."""
        o = self.o
        m.submodules.queue = queue = ReservedQueue(self._got, self.QUEUE)
        credit = Signal(range(self.QUEUE + 1), init=self.QUEUE)
        given = o.valid & o.ready
        if self._far:
            late = Signal(name="given_late")
            m.d.sync += late.eq(given)
            given = late
        m.d.comb += [queue.write.eq(valid), queue.word.eq(word)]
        wiring.connect(m, queue.o, wiring.flipped(o))
        m.d.sync += [
            credit.eq(credit + Cat(given ^ reads, (reads & ~given).replicate(len(credit) - 1))),
            has_credit.eq(given | Mux(reads, credit != 1, credit != 0)),
        ]
