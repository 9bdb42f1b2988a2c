"""What the array did: products, and those that moved something."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ...config.machine import MachineConfig

__all__ = ["Activity"]


class Activity(wiring.Component):
    """Counts products of which neither operand is zero, on the way of operands into the array.

    What fills up tiles is zero, so it never counts.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    a, b : In
        Elements for the array's lanes.
    a_zero, b_zero : In
        Their zero points.
    a_taken, a_first, b_taken, b_last : In(1)
        A vector or beat is taken; it is a tile's first; the same for a row of weights and a set's
        last row. OS arrays take ``a`` and ``b`` together, with ``a_taken``.
    slot : In(1)
        Whose vector or beat it is.
    products, products_slot : Out
        Of a vector or beat taken some cycles before, 0 if there is none.
    """

    def __init__(self, config: MachineConfig):
        array = self._array = config.array
        super().__init__(
            {
                "a": In(data.ArrayLayout(unsigned(array.a.bits), array.k_per_tile)),
                "b": In(data.ArrayLayout(unsigned(array.b.bits), array.cols * array.dot)),
                "a_zero": In(array.a.bits),
                "b_zero": In(array.b.bits),
                "a_taken": In(1),
                "a_first": In(1),
                "b_taken": In(1),
                "b_last": In(1),
                "slot": In(1),
                "products_slot": Out(1),
                "products": Out(range(array.macs_per_cycle + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        array = self._array
        lanes_a, lanes_b = array.k_per_tile, array.cols * array.dot
        # The array takes vectors before their weights are complete; here they wait for them.
        layout = data.StructLayout({"moves": lanes_a, "first": 1, "slot": 1})
        m.submodules.queue = queue = SyncFIFO(width=layout.size, depth=4)
        given, head = data.View(layout, queue.w_data), data.View(layout, queue.r_data)
        m.d.comb += [given.moves[n].eq(self.a[n] != self.a_zero) for n in range(lanes_a)]
        m.d.comb += [
            given.first.eq(self.a_first),
            given.slot.eq(self.slot),
            queue.w_en.eq(self.a_taken),
        ]
        taken = Signal()
        a_moves = Signal(lanes_a)
        m.d.comb += queue.r_en.eq(taken)
        m.d.sync += a_moves.eq(Mux(taken, head.moves, 0))
        slot = Signal()
        m.d.sync += [slot.eq(head.slot), self.products_slot.eq(slot)]
        b_moves = [self.b[n] != self.b_zero for n in range(lanes_b)]

        if array.flow == "os":
            # Lane l, product d of both: rows × columns for each d.
            m.d.comb += taken.eq(queue.r_rdy)
            b_now, b_late = Signal(lanes_b), Signal(lanes_b)
            m.d.sync += [b_now[n].eq(b_moves[n]) for n in range(lanes_b)]
            m.d.sync += b_late.eq(b_now)
            parts = []
            for d in range(array.dot):
                ups = _sum(a_moves[n] for n in range(d, lanes_a, array.dot))
                downs = _sum(b_late[n] for n in range(d, lanes_b, array.dot))
                parts.append(ups * downs)
            m.d.sync += self.products.eq(_sum(parts))
            return m

        # Weights that move something, per row, of the set in use and of those on their way: one
        # that is complete and one that has begun.
        counts = data.ArrayLayout(range(array.cols + 1), array.rows * array.dot)
        sets = [Signal(counts, name=f"set_{n}", reset_less=True) for n in range(4)]
        filling, used = Signal(2), Signal(2, init=3)
        row = Signal(range(array.rows))
        with m.If(self.b_taken):
            m.d.sync += row.eq(Mux(self.b_last, 0, row + 1))
            m.d.sync += filling.eq(filling + self.b_last)
            for n, held in enumerate(sets):
                with m.If(filling == n):
                    for d in range(array.dot):
                        total = _sum(b_moves[c * array.dot + d] for c in range(array.cols))
                        m.d.sync += held[row * array.dot + d].eq(total)
        m.d.comb += taken.eq(queue.r_rdy & (~head.first | (filling != (used + 1)[:2])))
        with m.If(taken & head.first):
            m.d.sync += used.eq(used + 1)
        now = Signal(counts)
        with m.Switch(used):
            for n, held in enumerate(sets):
                with m.Case(n):
                    m.d.comb += now.eq(held)
        m.d.sync += self.products.eq(
            _sum(Mux(a_moves[n], now[n], 0) for n in range(array.rows * array.dot))
        )
        return m


def _sum(terms):
    """Balanced tree of adders."""
    level = list(terms)
    while len(level) > 1:
        pairs = [a + b for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]
