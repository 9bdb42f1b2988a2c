"""Operand buffer: a ring in block RAM, filled in order, read at will, freed in order."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Ring"]


class Ring(wiring.Component):
    """Holds the words that were fetched and are still needed.

    Words are written one after the other. A reader names them by their distance from a base, any
    number of times, and waits for those that are not here yet; so work can begin on what has come
    while the rest of a block is on its way. ``move`` takes the base to another block, back as well
    as on; ``free`` gives up the oldest words.

    Room is asked for before words are fetched, as fetched words cannot be refused.

    Reads take one word per cycle; a word appears three cycles after its step was taken.

    Parameters
    ----------
    width, depth : int
        Bits of a word; words, a power of two from 4.
    tag : :class:`~amaranth.hdl.ShapeLike`
        What travels with a read.

    Members
    -------
    need : In(range(depth + 1))
        Words to be fetched next.
    room : Out(1)
        So many are free.
    reserve : In(1)
        They are taken; only while ``room``.
    write, word : In(1), In(width)
        Store a word that was reserved.
    i : ``In(stream.Signature({"offset", "skip", "tag"}))``
        Read the word ``offset`` behind the base, or with ``skip`` none.
    o : ``Out(stream.Signature({"word", "skip", "tag"}))``
        The word; garbage with ``skip``.
    move, distance : In(1), In(signed)
        Add ``distance`` to the base, after the reads of this cycle.
    free, amount : In(1), In(range(depth + 1))
        Give up that many of the oldest words.
    empty : Out(1)
        No word is held or reserved.
    """

    def __init__(self, width: int, depth: int, tag=0):
        if depth < 4 or depth & (depth - 1):
            raise ValueError(f"Ring depth must be a power of two from 4, not {depth}")
        self._width, self._depth = width, depth
        bits = depth.bit_length() - 1
        read = data.StructLayout({"offset": bits, "skip": 1, "tag": tag})
        got = data.StructLayout({"word": width, "skip": 1, "tag": tag})
        super().__init__(
            {
                "need": In(range(depth + 1)),
                "room": Out(1),
                "reserve": In(1),
                "write": In(1),
                "word": In(width),
                "i": In(stream.Signature(read)),
                "o": Out(stream.Signature(got)),
                "move": In(1),
                "distance": In(signed(bits + 2)),
                "free": In(1),
                "amount": In(range(depth + 1)),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o, depth = self.i, self.o, self._depth
        bits = depth.bit_length() - 1
        m.submodules.ram = ram = memory.Memory(
            shape=self._width, depth=depth, init=[], attrs={"ram_style": "block"}
        )
        put, get = ram.write_port(), ram.read_port()

        # Words not reserved; words here, counted from the base (negative before it).
        space = Signal(range(depth + 1), init=depth)
        here = Signal(signed(bits + 2))
        at, base = Signal(bits), Signal(bits)
        m.d.comb += [
            self.room.eq(self.need <= space),
            self.empty.eq(space == depth),
            put.addr.eq(at),
            put.data.eq(self.word),
            put.en.eq(self.write),
        ]
        m.d.sync += space.eq(
            space - Mux(self.reserve, self.need, 0) + Mux(self.free, self.amount, 0)
        )
        m.d.sync += here.eq(here + self.write - Mux(self.move, self.distance, 0))
        with m.If(self.write):
            m.d.sync += at.eq(at + 1)
        with m.If(self.move):
            m.d.sync += base.eq(base + self.distance)

        # Address, memory, output register; all of them move together.
        moves = Signal()
        valid = Signal(3)
        tags = [Signal(data.StructLayout({"skip": 1, "tag": i.payload.tag.shape()}),
                       name=f"tag_{n}", reset_less=True) for n in range(3)]  # fmt: skip
        address = Signal(bits, reset_less=True)
        shown = Signal(self._width, reset_less=True)
        m.d.comb += [
            moves.eq(o.ready | ~valid[2]),
            i.ready.eq(moves & (i.payload.skip | (here > i.payload.offset))),
            get.addr.eq(address),
            get.en.eq(moves),
            o.valid.eq(valid[2]),
            o.payload.word.eq(shown),
            o.payload.skip.eq(tags[2].skip),
            o.payload.tag.eq(tags[2].tag),
        ]
        with m.If(moves):
            m.d.sync += [
                valid.eq((valid << 1) | (i.valid & i.ready)),
                address.eq(base + i.payload.offset),
                tags[0].skip.eq(i.payload.skip),
                tags[0].tag.eq(i.payload.tag),
                tags[1].eq(tags[0]),
                tags[2].eq(tags[1]),
                shown.eq(get.data),
            ]
        return m
