"""Queue of a few words."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

__all__ = ["Pipe"]


class Pipe(wiring.Component):
    """Queue of a few words between two streams, in registers or distributed RAM.

    Throughput is one word per cycle.

    Parameters
    ----------
    shape : layout
        Of a word.
    depth : int
        Words, from 1.

    Members
    -------
    i, o : streams of ``shape``
        ``i.ready`` and ``o`` come from registers.
    """

    def __init__(self, shape, depth: int):
        self._shape, self._depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = SyncFIFOBuffered(width=self._shape.size, depth=self._depth)
        m.d.comb += [
            queue.w_data.eq(self.i.payload),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        return m
