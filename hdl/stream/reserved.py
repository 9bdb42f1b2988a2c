"""Queue for words whose room was reserved."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ReservedQueue"]


class ReservedQueue(wiring.Component):
    """First-in first-out queue that takes every word: who sends one has made sure of its room.

    So nothing stands before the memory's enable. A word written to an empty queue is shown two
    cycles later.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
    depth : int
        Words it has room for, the one that is shown not counted; a power of two.

    Members
    -------
    write, word : In(1), In(shape)
    o : ``Out(stream.Signature(shape))``
        From registers.
    """

    def __init__(self, shape, depth: int):
        if depth & (depth - 1) or depth < 2:
            raise ValueError(f"Queue depth must be a power of two from 2, not {depth}")
        self._shape, self._depth = shape, depth
        super().__init__({"write": In(1), "word": In(shape), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        o = self.o
        width = Shape.cast(self._shape).width
        m.submodules.memory = ram = memory.Memory(shape=width, depth=self._depth, init=[])
        write, read = ram.write_port(), ram.read_port()
        # A bit per word that is there: a count whose next value is one LUT away.
        there = Signal(self._depth)
        more, less = Cat(Const(1, 1), there[:-1]), Cat(there[1:], Const(0, 1))
        reads = Signal()
        m.d.comb += [
            reads.eq(there[0] & (~o.valid | o.ready)),
            write.en.eq(self.write),
            write.data.eq(self.word),
            read.en.eq(reads),
            o.payload.eq(read.data),
        ]
        m.d.sync += [
            there.eq(Mux(reads, Mux(self.write, there, less), Mux(self.write, more, there))),
            write.addr.eq(write.addr + self.write),
            read.addr.eq(read.addr + reads),
        ]
        with m.If(reads):
            m.d.sync += o.valid.eq(1)
        with m.Elif(o.ready):
            m.d.sync += o.valid.eq(0)
        return m
