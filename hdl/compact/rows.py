"""The rows of A that are worked on, in block RAM."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config.compact import CompactConfig
from .products import OFFSET
from .ram import BlockRam

__all__ = ["Rows"]


class Rows(wiring.Component):
    """Keeps rows of A as :class:`~insitu.hdl.compact.products.Products` takes them.

    Elements beyond K become 0, so that whatever stands in B beside them counts nothing; signed
    ones get their offset.

    Parameters
    ----------
    config : CompactConfig

    Members
    -------
    write_en : In(rows)
        ``data`` is word ``write_addr`` of that row.
    write_addr, data : In
    a_signed : In(1)
    tail : In(8)
        Elements of ``data`` that count.
    read_addr, o : In, Out
        Words of all rows, a cycle later. Undefined if that word is written in the same cycle.
    """

    def __init__(self, config: CompactConfig):
        self._config = config
        dot, rows = config.array.dot, config.array.rows
        super().__init__(
            {
                "write_en": In(rows),
                "write_addr": In(range(config.k_words)),
                "data": In(8 * dot),
                "a_signed": In(1),
                "tail": In(dot),
                "read_addr": In(range(config.k_words)),
                "o": Out(data.ArrayLayout(data.ArrayLayout(8, dot), rows)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        kept = Signal(8 * config.array.dot)
        for n, counts in enumerate(self.tail):
            element = self.data.word_select(n, 8) & counts.replicate(8)
            offset = Mux(self.a_signed, OFFSET, 0)
            m.d.comb += kept.word_select(n, 8).eq(element ^ offset)
        for r in range(config.array.rows):
            m.submodules[f"row_{r}"] = ram = BlockRam(
                len(kept), config.k_words, target=config.array.target
            )
            m.d.comb += [
                ram.write_en.eq(self.write_en[r]),
                ram.write_addr.eq(self.write_addr),
                ram.write_data.eq(kept),
                ram.read_addr.eq(self.read_addr),
                self.o[r].eq(ram.read_data),
            ]
        return m
