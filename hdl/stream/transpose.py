"""Block transposer: rows in, columns out."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Transpose"]


class Transpose(wiring.Component):
    """Transposes a stream of blocks.

    Every ``n`` input words are the rows of a block, every ``cols`` output words its columns:
    element r of output word c is element c of input word r. Latency is one cycle after the last row
    of a block. Throughput is one word per cycle on both sides: one block is written while the one
    before it is read. Each side stalls freely; no block waits for the next one to push it out.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
        Shape of an element.
    n : int
        Rows of a block, at least 1; ``ValueError`` otherwise.
    cols : int or None
        Its columns; ``n`` if left out.

    Members
    -------
    i : ``In(stream.Signature(ArrayLayout(shape, cols)))``
        ``i.ready`` comes from registers.
    o : ``Out(stream.Signature(ArrayLayout(shape, n)))``
        A ``cols``:1 multiplexer after registers; it does not depend on ``i``.
    """

    def __init__(self, shape, n: int, cols: int | None = None):
        cols = n if cols is None else cols
        if n < 1 or cols < 1:
            raise ValueError(f"Block must be at least 1 by 1, not {n} by {cols}")
        self._shape, self._n, self._cols = shape, n, cols
        row, column = data.ArrayLayout(shape, cols), data.ArrayLayout(shape, n)
        super().__init__({"i": In(stream.Signature(row)), "o": Out(stream.Signature(column))})

    def elaborate(self, platform):
        m = Module()
        i, o, n, cols = self.i, self.o, self._n, self._cols

        blocks = [
            [Signal(data.ArrayLayout(self._shape, cols), name=f"block_{b}_row_{r}", reset_less=True)
             for r in range(n)]
            for b in range(2)
        ]  # fmt: skip
        full = Signal(2)
        write_block = Signal()
        read_block = Signal()
        row = Signal(n, init=1)
        col = Signal(range(cols))

        m.d.comb += [
            i.ready.eq(~full.bit_select(write_block, 1)),
            o.valid.eq(full.bit_select(read_block, 1)),
        ]
        for b in range(2):
            with m.If(i.valid & i.ready & (write_block == b)):
                for r in range(n):
                    with m.If(row[r]):
                        m.d.sync += blocks[b][r].eq(i.payload)
                with m.If(row[-1]):
                    m.d.sync += full[b].eq(1)
            with m.If(o.valid & o.ready & (read_block == b) & (col == cols - 1)):
                m.d.sync += full[b].eq(0)
        with m.If(i.valid & i.ready):
            m.d.sync += row.eq(row.rotate_left(1))
            m.d.sync += write_block.eq(write_block ^ row[-1])
        with m.If(o.valid & o.ready):
            m.d.sync += col.eq(col + 1)
            with m.If(col == cols - 1):
                m.d.sync += [col.eq(0), read_block.eq(~read_block)]

        for b in range(2):
            with m.If(read_block == b):
                for r in range(n):
                    m.d.comb += o.payload[r].eq(blocks[b][r][col])

        return m
