"""Read-out of output-stationary accumulators."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..targets.ecp5 import select_of_four

__all__ = ["RowSelect"]


class RowSelect(wiring.Component):
    """``o`` is ``i[row]``: a pipelined multiplexer, four inputs per registered level.

    Latency is ceil(log4(rows)) cycles, a wire for one row; one selection per cycle, never stalls.
    All of ``i`` is sampled in the cycle of ``row``.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.Shape`
        Shape of an element.
    rows, cols : int
        Inputs, and elements of each.
    target : "generic", "ecp5" or "ice40"
        ``ecp5`` instantiates two LUTs and the multiplexer after them per bit and four inputs;
        Yosys would take three.

    Members
    -------
    row : In(range(rows))
    i : ``In(ArrayLayout(ArrayLayout(shape, cols), rows))``
    o : ``Out(ArrayLayout(shape, cols))``
    """

    def __init__(self, shape, rows: int, cols: int, *, target: str = "generic"):
        self._rows, self._target = rows, target
        self._word = data.ArrayLayout(shape, cols)
        super().__init__(
            {
                "row": In(range(rows)),
                "i": In(data.ArrayLayout(self._word, rows)),
                "o": Out(self._word),
            }
        )

    def elaborate(self, platform):
        m = Module()
        words = [self.i[r].as_value() for r in range(self._rows)]
        select, level = self.row, 0
        while len(words) > 1:
            chosen = []
            for n in range(0, len(words), 4):
                name = f"level_{level}_{n // 4}"
                word = Signal(len(words[0]), name=name, reset_less=True)
                four = words[n : n + 4]
                if len(four) > 2 and self._target == "ecp5":
                    m.d.sync += word.eq(select_of_four(m, select, four, name))
                else:
                    for bit in range(2):
                        if len(four) > 1:
                            four = [
                                Mux(select[bit], pair[1], pair[0]) if len(pair) > 1 else pair[0]
                                for pair in (four[k : k + 2] for k in range(0, len(four), 2))
                            ]
                    m.d.sync += word.eq(four[0])
                chosen.append(word)
            rest = Signal(max(1, len(select) - 2), name=f"row_{level}", reset_less=True)
            m.d.sync += rest.eq(select[2:])
            words, select, level = chosen, rest, level + 1
        m.d.comb += self.o.eq(words[0])
        return m
