"""Sums of the rows of A with one column of B, and those of the column before."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config.compact import CompactConfig
from .products import Products

__all__ = ["Sums"]


class Sums(wiring.Component):
    """Adds up products over K, and keeps the sums of a whole K while the next ones are added up.

    Latency from the last word to ``full`` is :meth:`latency` cycles; a word per cycle, columns
    follow each other with no bubble. Never stalls.

    Parameters
    ----------
    config : CompactConfig

    Members
    -------
    a, b, a_signed, clear
        As of :class:`~insitu.hdl.compact.products.Products`. ``clear`` begins anew, whatever was
        added up.
    valid, last : In(1)
        ``a`` and ``b`` count; they are the last ones of their K.
    full : Out(1)
        For a cycle, the first one in which ``total`` has the sums of another column.
    total : ``Out(ArrayLayout(signed(sum_bits), rows))``
        Negated. Until the next ``full``.
    """

    def __init__(self, config: CompactConfig):
        self._config = config
        dot, rows = config.array.dot, config.array.rows
        super().__init__(
            {
                "a": In(data.ArrayLayout(data.ArrayLayout(8, dot), rows)),
                "b": In(data.ArrayLayout(signed(8), dot)),
                "a_signed": In(1),
                "clear": In(1),
                "valid": In(1),
                "last": In(1),
                "full": Out(1),
                "total": Out(data.ArrayLayout(signed(config.sum_bits), rows)),
            }
        )

    @staticmethod
    def latency(config: CompactConfig) -> int:
        """Cycles from the last word of a column to ``full``."""
        return Products.latency(config) + 1

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.products = products = Products(config)
        m.d.comb += [
            products.a.eq(self.a),
            products.b.eq(self.b),
            products.a_signed.eq(self.a_signed),
            products.clear.eq(self.clear),
        ]
        valid, last = self.valid, self.last
        for n in range(Products.latency(config)):
            now = Signal(name=f"valid_{n}"), Signal(name=f"last_{n}")
            m.d.sync += [now[0].eq(valid), now[1].eq(valid & last)]
            valid, last = now
        m.d.sync += self.full.eq(last)
        for r in range(config.array.rows):
            running = Signal(signed(config.sum_bits), name=f"running_{r}")
            total = running + products.o[r]
            # Nothing but a reset stands between the adder and its register.
            with m.If(valid):
                m.d.sync += running.eq(total)
            with m.If(last | self.clear):
                m.d.sync += running.eq(0)
            with m.If(last):
                m.d.sync += self.total[r].eq(total)
        return m
