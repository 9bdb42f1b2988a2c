"""What a tile did: products that moved something."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ...arith.tree import AdderTree
from ...cim.ports import w_layout
from ...config import ArrayConfig, MachineConfig
from ...config.fields import ceil_log2
from ...formats import Interval
from ...stream import Delay

__all__ = ["Activity"]


class Activity(wiring.Component):
    """Counts products of which neither operand is zero, on the way of operands into the tile.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    w, w_taken : In(w_layout), In(1)
        A row of a bank is written.
    a, bank, slot, a_taken : In
        A vector is taken, and the bank that it meets: with rows written before.
    products, products_slot : Out
        Of a vector taken some cycles before, 0 if there is none.
    """

    def __init__(self, config: MachineConfig):
        tile = self._tile = config.array
        assert not isinstance(tile, ArrayConfig)
        super().__init__(
            {
                "w": In(w_layout(tile)),
                "w_taken": In(1),
                "a": In(data.ArrayLayout(unsigned(tile.a.bits), tile.rows)),
                "bank": In(range(tile.banks)),
                "slot": In(1),
                "a_taken": In(1),
                "products": Out(range(tile.cells + 1)),
                "products_slot": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        tile = self._tile
        # Weights that are not zero, by row and bank; there three cycles after the row.
        bits = tile.cols.bit_length()
        depth = 1 << ceil_log2(max(2, tile.banks))
        m.submodules.counts = counts = memory.Memory(
            shape=unsigned(bits * tile.rows), depth=depth, init=[]
        )
        moves, count = Signal(tile.cols), Signal(bits)
        place = {x: Delay(len(self.w[x]), 2) for x in ("bank", "row")}
        m.submodules.taken = taken = Delay(1, 2, reset=True)
        for x, late in place.items():
            m.submodules[x] = late
            m.d.comb += late.i.eq(self.w[x])
        m.d.comb += taken.i.eq(self.w_taken)
        m.d.sync += [
            moves.eq(Cat(self.w.w[n] != 0 for n in range(tile.cols))),
            count.eq(sum(moves[n] for n in range(tile.cols))),
        ]
        writes = counts.write_port(granularity=bits)
        m.d.comb += [
            writes.addr.eq(place["bank"].o),
            writes.data.eq(count.replicate(tile.rows)),
            writes.en.eq(Mux(taken.o, 1 << place["row"].o, 0)),
        ]
        # A vector meets them two cycles after it was taken.
        moved, bank = Signal(tile.rows), Signal.like(self.bank)
        gates, now = Signal(tile.rows), Signal.like(self.bank)
        m.d.sync += [
            moved.eq(Cat(self.a_taken & (self.a[r] != 0) for r in range(tile.rows))),
            bank.eq(self.bank),
            gates.eq(moved),
            now.eq(bank),
        ]
        reads = counts.read_port(domain="comb")
        m.d.comb += reads.addr.eq(now)
        m.submodules.tree = tree = AdderTree(
            [Interval(0, tile.cols)] * tile.rows, Interval(0, tile.cells)
        )
        for r in range(tile.rows):
            term = Signal(bits, name=f"term_{r}", reset_less=True)
            m.d.sync += term.eq(Mux(gates[r], reads.data.word_select(r, bits), 0))
            m.d.comb += tree.i[str(r)].eq(term)
        m.submodules.slot = slot = Delay(1, 3 + ceil_log2(tile.rows))
        m.d.comb += [
            slot.i.eq(self.slot),
            self.products.eq(tree.o),
            self.products_slot.eq(slot.o),
        ]
        return m
