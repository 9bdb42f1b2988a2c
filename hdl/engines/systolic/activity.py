"""What the array did: products, and those that moved something."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ...arith.numbers import arithmetic
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
                "products": Out(range(array.cells + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        array = self._array
        lanes_a, lanes_b = array.k_per_tile, array.cols * array.dot
        moving = arithmetic(array).moves

        def late(name: str, value, cycles: int = 1):
            for n in range(cycles):
                out = Signal(Shape.cast(value.shape()), name=f"{name}_{n}", reset_less=True)
                m.d.sync += out.eq(value)
                value = out
            return value

        # Two cycles after the operands: which are not zero.
        moves = {}
        for x, lanes in (("a", lanes_a), ("b", lanes_b)):
            values, zero = getattr(self, x), late(f"{x}_zero", moving(getattr(self, f"{x}_zero")))
            given = [late(f"{x}_{n}", moving(values[n])) for n in range(lanes)]
            moves[x] = late(f"{x}_moves", Cat(value != zero for value in given))
        flags = Signal(4)
        m.d.sync += flags.eq(Cat(self.a_taken, self.a_first, self.b_taken, self.b_last))
        a_taken, a_first, b_taken, b_last = late("flags", flags)
        given_slot = late("slot", self.slot, 2)

        # The array takes vectors before their weights are complete; here they wait for them.
        layout = data.StructLayout({"moves": lanes_a, "first": 1, "slot": 1})
        m.submodules.queue = queue = SyncFIFOBuffered(width=layout.size, depth=4)
        head = data.View(layout, queue.r_data)
        taken = Signal()
        m.d.comb += [
            queue.w_data.eq(Cat(moves["a"], a_first, given_slot)),
            queue.w_en.eq(a_taken),
            queue.r_en.eq(taken),
        ]

        if array.flow == "os":
            # Lane l, product d of both: rows × columns for each d.
            parts = []
            for d in range(array.dot):
                ups = late(f"ups_{d}", _sum(moves["a"][n] for n in range(d, lanes_a, array.dot)))
                downs = late(
                    f"downs_{d}", _sum(moves["b"][n] for n in range(d, lanes_b, array.dot))
                )
                # As a product it would be mapped to a DSP without registers, far away.
                steps = [Mux(bit, downs << n, 0) for n, bit in enumerate(ups)]
                parts.append(late(f"part_{d}", _sum(steps)))
            m.d.sync += self.products.eq(Mux(late("taken", a_taken, 2), _sum(parts), 0))
            m.d.sync += self.products_slot.eq(late("slot_out", given_slot, 2))
            return m

        # Weights that move something, per row, of the set in use and of those on their way: one
        # that is complete and one that has begun.
        counts = data.ArrayLayout(range(array.cols + 1), array.rows * array.dot)
        sets = [Signal(counts, name=f"set_{n}", reset_less=True) for n in range(4)]
        filling, used = Signal(2), Signal(2, init=3)
        complete, is_complete = Signal(2), Signal()  # sets that wait for their first vector
        row = Signal(range(array.rows))
        with m.If(b_taken):
            m.d.sync += row.eq(Mux(b_last, 0, row + 1))
            m.d.sync += filling.eq(filling + b_last)
        totals = [
            late(f"total_{d}", _sum(moves["b"][c * array.dot + d] for c in range(array.cols)))
            for d in range(array.dot)
        ]
        place = late("place", row)
        for n, held in enumerate(sets):
            with m.If(late(f"fills_{n}", b_taken & (filling == n))):
                for d in range(array.dot):
                    m.d.sync += held[place * array.dot + d].eq(totals[d])
        completes, swaps = Signal(), Signal()
        m.d.comb += [
            completes.eq(b_taken & b_last),
            taken.eq(queue.r_rdy & (~head.first | is_complete)),
            swaps.eq(taken & head.first),
        ]
        m.d.sync += [
            complete.eq(complete + completes - swaps),
            is_complete.eq(completes | Mux(swaps, complete != 1, is_complete)),
            used.eq(used + swaps),
        ]
        # A cycle later `used` is the vector's set, whose last row has been written by then.
        a_moves = Signal(lanes_a)
        m.d.sync += a_moves.eq(Mux(taken, head.moves, 0))
        terms = []
        for n in range(lanes_a):
            now = Signal(range(array.cols + 1), name=f"now_{n}")
            with m.Switch(used):
                for number, held in enumerate(sets):
                    with m.Case(number):
                        m.d.comb += now.eq(held[n])
            terms.append(late(f"term_{n}", Mux(a_moves[n], now, 0)))
        # In two steps: the sums of some, then all.
        parts = [late(f"part_{n}", _sum(terms[n : n + 4])) for n in range(0, lanes_a, 4)]
        m.d.sync += self.products.eq(_sum(parts))
        m.d.sync += self.products_slot.eq(late("slot_out", head.slot, 3))
        return m


def _sum(terms):
    """Balanced tree of adders."""
    level = list(terms)
    while len(level) > 1:
        pairs = [a + b for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]
