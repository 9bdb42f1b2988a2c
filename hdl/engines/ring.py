"""Operand buffer: a ring in block RAM, filled in order, read at will, freed in order."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..stream import Ram

__all__ = ["Ring"]


class Ring(wiring.Component):
    """Holds the words that were fetched and are still needed.

    Words are written one after the other. A reader names them by their distance from a base, any
    number of times, and waits for those that are not here yet; so work can begin on what has come
    while the rest of a block is on its way. ``move`` takes the base to another block, back as well
    as on; ``free`` gives up the oldest words.

    Room is asked for before words are fetched, as fetched words cannot be refused.

    Reads take one word per cycle; a word appears ``LATENCY`` cycles after it was asked for. What
    is on its way ends up in a queue, for which credits are kept, so that stalls at the output do
    not reach the input within a cycle. Whether a word is here is found out a cycle before it is
    read, when what asks for it comes in; the first one behind a move must ask for offset 0.

    Parameters
    ----------
    width, depth : int
        Bits of a word; words, a power of two from 4.
    tag, note : :class:`~amaranth.hdl.ShapeLike`
        What travels with a read; what is shown when it is read.
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
    write, word : In(1), In(width)
        Store a word that was reserved.
    i : ``In(stream.Signature({"offset", "skip", "tag", "note"}))``
        Read the word ``offset`` behind the base, or with ``skip`` none.
    takes, skips, note : Out
        A word is read, in the cycle after ``i`` took it or later; it is a skipped one; its note.
    waits : Out(1)
        The next word is not here yet.
    stop : In(1)
        Read nothing behind the word that is read in this cycle. Held until the moves are done.
    o : ``Out(stream.Signature({"word", "skip", "tag"}))``
        The word; garbage with ``skip``.
    move, distance : In(1), In(range(depth + 1))
        Add ``distance`` to the base, after the reads of this cycle.
    returns, back : In(1), In(signed)
        With ``move``: add ``back`` instead.
    free, amount : In(1), In(range(depth + 1))
        Give up that many of the oldest words.
    empty : Out(1)
        No word is held or reserved.
    """

    LATENCY = 7
    QUEUE = 16

    def __init__(self, width: int, depth: int, tag=0, note=0, *, target: str = "generic"):
        if depth < 4 or depth & (depth - 1):
            raise ValueError(f"Ring depth must be a power of two from 4, not {depth}")
        self._width, self._depth, self._target = width, depth, target
        bits = depth.bit_length() - 1
        read = data.StructLayout({"offset": bits, "skip": 1, "tag": tag, "note": note})
        got = data.StructLayout({"word": width, "skip": 1, "tag": tag})
        super().__init__(
            {
                "need": In(range(depth + 1)),
                "room": Out(1),
                "reserve": In(1),
                "write": In(1),
                "word": In(width),
                "i": In(stream.Signature(read)),
                "takes": Out(1),
                "skips": Out(1),
                "note": Out(note),
                "waits": Out(1),
                "stop": In(1),
                "o": Out(stream.Signature(got)),
                "move": In(1),
                "distance": In(range(depth + 1)),
                "returns": In(1),
                "back": In(signed(bits + 2)),
                "free": In(1),
                "amount": In(range(depth + 1)),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o, depth = self.i, self.o, self._depth
        bits = depth.bit_length() - 1
        m.submodules.ram = ram = Ram(self._width, depth, target=self._target)

        # Words not reserved; words here, counted from the base (negative before it).
        space = Signal(range(depth + 1), init=depth)
        here = Signal(signed(bits + 2))
        at, base = Signal(bits), Signal(bits)
        m.d.comb += [
            self.empty.eq(space == depth),
            ram.write_addr.eq(at),
            ram.write_data.eq(self.word),
            ram.write_en.eq(self.write),
        ]
        freed = Signal(range(depth + 1))  # a cycle later
        m.d.sync += [
            freed.eq(Mux(self.free, self.amount, 0)),
            space.eq(space - Mux(self.reserve, self.need, 0) + freed),
            self.room.eq(self.need <= space),
        ]
        # All ways at once, as `move` depends on what is read.
        ways = [Signal.like(here, name=f"way_{n}") for n in range(3)]
        for way, change in zip(ways, (0, self.distance, self.back), strict=True):
            m.d.comb += way.eq(here - change + self.write)
        m.d.sync += here.eq(Mux(self.move, Mux(self.returns, ways[2], ways[1]), ways[0]))
        with m.If(self.write):
            m.d.sync += at.eq(at + 1)
        with m.If(self.move):
            m.d.sync += base.eq(Mux(self.returns, base + self.back, base + self.distance))

        # Address, memory, its output register, a register behind the choice of the bank, queue.
        tag = data.StructLayout({"skip": 1, "tag": i.payload.tag.shape()})
        got = data.StructLayout({"word": self._width, "tag": tag})
        m.submodules.queue = queue = SyncFIFOBuffered(width=got.size, depth=self.QUEUE)
        head = data.View(got, queue.r_data)
        credit, has_credit = Signal(range(self.QUEUE + 1), init=self.QUEUE), Signal(init=1)
        valid = Signal(4)
        tags = [Signal(tag, name=f"tag_{n}", reset_less=True) for n in range(4)]
        word = Signal(self._width, reset_less=True)
        address = Signal(bits, reset_less=True)
        now, is_now, is_here = Signal(i.payload.shape(), reset_less=True), Signal(), Signal()
        takes = self.takes
        m.d.comb += [
            self.waits.eq(is_now & ~is_here & ~self.stop),
            takes.eq(is_here & has_credit),  # `is_here` only with `is_now`
            self.skips.eq(now.skip),
            self.note.eq(now.note),
            i.ready.eq(~is_now | takes),
            ram.read_addr.eq(address),
            queue.w_en.eq(valid[3]),
            queue.w_data.eq(Cat(word, tags[3])),
            queue.r_en.eq(o.ready),
            o.valid.eq(queue.r_rdy),
            o.payload.word.eq(head.word),
            o.payload.skip.eq(head.tag.skip),
            o.payload.tag.eq(head.tag.tag),
        ]
        given = o.valid & o.ready
        asked = i.valid & i.ready
        with m.If(i.ready):
            m.d.sync += is_now.eq(i.valid)
        with m.If(asked):
            m.d.sync += now.eq(i.payload)
        # What was returned to is here.
        moved_to = self.returns | (here > self.distance)
        comes = i.valid & Mux(self.move, moved_to, i.payload.skip | (here > i.payload.offset))
        stays = is_here | now.skip | (here > now.offset)
        m.d.sync += is_here.eq(~self.stop & Mux(i.ready, comes, stays & ~self.move))
        m.d.sync += [
            credit.eq(credit + given - takes),
            has_credit.eq(given | Mux(takes, credit != 1, credit != 0)),
            valid.eq((valid << 1) | takes),
            address.eq(base + now.offset),
            tags[0].skip.eq(now.skip),
            tags[0].tag.eq(now.tag),
            tags[1].eq(tags[0]),
            tags[2].eq(tags[1]),
            tags[3].eq(tags[2]),
            word.eq(ram.read_data),
        ]
        return m
