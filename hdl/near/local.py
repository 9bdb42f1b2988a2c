"""Weights beside their multipliers, and the dot products of some columns."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ..arith import DotProduct
from ..config.fields import ceil_log2
from ..config.near import NearConfig
from ..export.library import shared

__all__ = ["Local"]


class Local(wiring.Component):
    """``rows`` × ``cols`` multipliers with a memory of their own: a word of it is a bank.

    Free-running. A vector meets what was written in cycles before it. The memory is distributed
    RAM, where the device has it.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.NearConfig`
        ``dot_size`` of it are the rows.
    cols : int

    Members
    -------
    write, put, row, w : In
        Write a row of weights to bank ``put``.
    a, bank, signed : In
        A vector, every cycle; from registers, as ``write`` and what goes with it.
    o : ``Out(ArrayLayout(dot_sum, cols))``
        Its sums, ``1 + multiplier_latency + tree_latency`` cycles later, from registers.
    """

    def __init__(self, config: NearConfig, cols: int):
        self._config, self._cols = config, cols
        rows = config.dot_size
        super().__init__(
            {
                "write": In(1),
                "put": In(range(config.banks)),
                "row": In(range(rows)),
                "w": In(data.ArrayLayout(unsigned(config.weight.bits), cols)),
                "a": In(data.ArrayLayout(unsigned(config.act_bits), rows)),
                "bank": In(range(config.banks)),
                "signed": In(1),
                "o": Out(data.ArrayLayout(config.products.dot_sum.shape, cols)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, rows, cols = self._config, self._config.dot_size, self._cols
        bits = config.weight.bits
        m.submodules.dot = dot = shared(platform, DotProduct, config.products, cols)
        m.d.comb += self.o.eq(dot.o)
        for row in range(rows):
            ram = memory.Memory(
                shape=unsigned(bits * cols), depth=1 << ceil_log2(max(2, config.banks)), init=[]
            )
            m.submodules[f"row_{row}"] = ram
            writes, reads = ram.write_port(), ram.read_port(domain="comb")
            m.d.comb += [
                writes.en.eq(self.write & (self.row == row)),
                writes.addr.eq(self.put),
                writes.data.eq(Cat(self.w)),
                reads.addr.eq(self.bank),
            ]
            shown = Signal(bits * cols, name=f"weights_{row}", reset_less=True)
            m.d.sync += shown.eq(reads.data)
            for col in range(cols):
                weight = shown.word_select(col, bits)
                m.d.comb += dot.b[col][row].eq(
                    weight.as_signed() if config.weight.signed else weight
                )
            # One bit wider, so that it may have either sign.
            a = self.a[row]
            operand = Signal(signed(config.act_bits + 1), name=f"a_{row}", reset_less=True)
            m.d.sync += operand.eq(Cat(a, Mux(self.signed, a[-1], 0)).as_signed())
            m.d.comb += dot.a[row].eq(operand)
        return m
