"""Multipliers beside every bank of a memory, activations broadcast to all of them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config.near import InbankConfig
from .local import Local
from .ports import vector_layout, w_layout

__all__ = ["Inbank"]


class Inbank(wiring.Component):
    """Vectors times resident weights; memory bank n holds column n of every bank of weights.

    Free-running: a vector and a row of weights per cycle. A vector goes to all memory banks over a
    tree of registers, each of which drives ``config.SPREAD`` others; there the word of its bank,
    a weight per row, is read, multiplied and summed up. Rows of weights take the same way, each
    memory bank its own weight of them.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.InbankConfig`

    Members
    -------
    write, w : In(1), In(w_layout(config))
        A row of weights; vectors of later cycles see it.
    vector : In(vector_layout(config))
        A vector, every cycle.
    o : ``Out(ArrayLayout(out, cols))``
        Its sums ``config.wave_latency`` cycles later, from registers.
    """

    def __init__(self, config: InbankConfig):
        self._config = config
        super().__init__(
            {
                "write": In(1),
                "w": In(w_layout(config)),
                "vector": In(vector_layout(config)),
                "o": Out(data.ArrayLayout(config.out.shape, config.cols)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        vector = vector_layout(config)
        # What all get, and each memory bank's own weight.
        common = data.StructLayout({"vector": vector, "write": 1, "put": range(config.banks),
                                    "row": range(config.rows)})  # fmt: skip
        given = Signal(common)
        m.d.comb += [
            given.vector.eq(self.vector),
            given.write.eq(self.write),
            given.put.eq(self.w.bank),
            given.row.eq(self.w.row),
        ]
        level = [given]
        weights = self.w.w
        for depth, count in enumerate(config.broadcast):
            below = []
            for n in range(count):
                copy = Signal(common, name=f"sent_{depth}_{n}", attrs={"own_register": 1})
                m.d.sync += copy.eq(level[n // config.SPREAD])
                below.append(copy)
            late = Signal.like(weights, name=f"weights_{depth}", reset_less=True)
            m.d.sync += late.eq(weights)
            level, weights = below, late
        for n, own in enumerate(level):
            m.submodules[f"bank_{n}"] = bank = Local(config, 1)
            m.d.comb += [
                bank.write.eq(own.write),
                bank.put.eq(own.put),
                bank.row.eq(own.row),
                bank.w[0].eq(weights[n]),
                bank.a.eq(own.vector.a),
                bank.bank.eq(own.vector.bank),
                bank.signed.eq(own.vector.signed),
            ]
            total = Signal(config.out.shape, name=f"total_{n}", reset_less=True)
            m.d.sync += total.eq(bank.o[0])
            m.d.comb += self.o[n].eq(total)
        return m
