"""Vectors into bit planes, the highest first."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.cim import READ, SEEN, WAITING, CimConfig
from ..config.fields import ceil_log2
from ..stream import Delay, Pipe, Ram, has_room
from .order import Order
from .ports import a_layout, plane_layout, turn_layout

__all__ = ["Planes"]

COPY = 4  # rows that share copies of what decides about them
FOUND = 16  # rows whose ones are found out about together
SLOTS = 1 << ceil_log2(WAITING + READ + 1)  # each is read for some cycles after its vector's turn


class Planes(wiring.Component):
    """Gives the planes of vectors, one per cycle, one vector right after the other.

    With ``config.skip`` planes without a one take no cycle; a vector that has none at all takes
    one. The last plane of a vector waits for ``may_end``.

    Parameters
    ----------
    config : CimConfig

    Members
    -------
    i : ``In(stream.Signature(a_layout(config)))``
        ``i.ready`` is a register.
    may_end : In(1)
        There is room for another output. A register.
    ends : Out(1)
        A vector's last plane is on its way, so that the room is taken.
    valid, plane, flags : Out
        A plane by row, and ``plane_layout``. From registers.
    bank : Out
        That it meets, a cycle before.
    done, skipped : Out(1), Out(range(act_bits + 1))
        A plane was worked on; planes that a vector did without. From registers, to be counted.
    done_tag, skipped_tag : Out(1)
        Tags of these vectors.
    """

    def __init__(self, config: CimConfig):
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(a_layout(config))),
                "may_end": In(1),
                "ends": Out(1),
                "valid": Out(1),
                "plane": Out(config.rows),
                "flags": Out(plane_layout(config)),
                "bank": Out(range(config.banks)),
                "done": Out(1),
                "skipped": Out(range(config.act_bits + 1)),
                "done_tag": Out(1),
                "skipped_tag": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        planes = config.act_bits
        memory, waiting = self._vectors(m)

        m.submodules.order = order = Order(config, SLOTS)
        wiring.connect(m, waiting, order.i)
        m.d.comb += [
            order.may_end.eq(self.may_end),
            self.ends.eq(order.ends),
            memory.read_addr.eq(order.slot),
        ]

        # The plane, READ cycles later: what decides goes by registers near the rows.
        m.submodules.works = works = Delay(2, READ, reset=True)
        m.submodules.late = late = Delay(len(Value.cast(order.o.flags)) + 1, READ)
        m.d.comb += [
            works.i.eq(Cat(order.o.valid, order.o.done)),
            late.i.eq(Cat(order.o.tag, order.o.flags)),
            Cat(self.valid, self.done).eq(works.o),
            Cat(self.done_tag, self.flags).eq(late.o),
        ]
        m.submodules.bank = bank = Delay(order.o.bank.shape(), READ - 1)
        m.d.comb += [bank.i.eq(order.o.bank), self.bank.eq(bank.o)]
        held = Signal(config.rows * planes, reset_less=True)
        m.d.sync += held.eq(memory.read_data)
        index = order.o.flags.index
        m.submodules.which = which = Delay(len(index) + 1, READ - 3)
        m.d.comb += which.i.eq(Cat(order.zero, index))
        plane = Signal(config.rows, reset_less=True)
        m.d.comb += self.plane.eq(plane)
        for start in range(0, config.rows, COPY):
            # Of each four planes one is chosen, then of those.
            own = Signal(
                len(which.o), name=f"which_{start}", attrs={"own_register": 1}, reset_less=True
            )
            inner = own[1:3]
            outer = Signal(len(own[3:]), name=f"outer_{start}", reset_less=True)
            nothing = Signal(name=f"nothing_{start}", reset_less=True)
            m.d.sync += [own.eq(which.o), outer.eq(own[3:]), nothing.eq(own[0])]
            for row in range(start, min(start + COPY, config.rows)):
                a = held[row * planes : (row + 1) * planes]
                parts = Signal((planes + 3) // 4, name=f"parts_{row}", reset_less=True)
                for n in range(len(parts)):
                    m.d.sync += parts[n].eq(a[4 * n : 4 * n + 4].bit_select(inner, 1))
                m.d.sync += plane[row].eq(parts.bit_select(outer, 1) & ~nothing)
        return m

    def _vectors(self, m: Module):
        """Vectors that came: their activations in a memory, all else in a queue.

        Each is read in the order in which it came, the next one when it leaves the queue.
        """
        config, i = self._config, self.i
        planes = config.act_bits
        m.submodules.memory = memory = Ram(config.rows * planes, SLOTS, target=config.target)
        layout = turn_layout(config)
        # It never refuses one: a word of it is the one shown.
        m.submodules.waiting = waiting = Pipe(layout, WAITING + 1)
        came = Signal(data.StructLayout({"valid": 1, "vector": layout}))
        a = Signal(i.payload.a.shape(), name="given", reset_less=True)
        slot = Signal(range(SLOTS))
        m.d.comb += came.valid.eq(i.valid & i.ready)
        m.d.comb += [came.vector[name].eq(i.payload[name]) for name, _ in layout if name != "ones"]
        m.d.comb += came.vector.ones.eq(Cat(i.payload.planes > n for n in range(planes)))
        m.d.comb += i.ready.eq(has_room(m, waiting.o, WAITING - 1, came.valid))
        # Written in every cycle: the slot is free until a vector comes for it.
        put = Signal.like(slot, reset_less=True)
        m.d.sync += [a.eq(i.payload.a), put.eq(slot), slot.eq(slot + came.valid)]
        m.d.comb += [memory.write_en.eq(1), memory.write_addr.eq(put), memory.write_data.eq(a)]
        if config.skip:
            came = self._seen(m, came, a)
        m.d.comb += [waiting.i.valid.eq(came.valid), waiting.i.payload.eq(came.vector)]
        return memory, waiting.o

    def _seen(self, m: Module, came, a):
        """``came`` ``SEEN`` cycles later, with those of its planes that have ones; counts them."""
        config = self._config
        planes = config.act_bits
        valid = [Signal(name=f"valid_{n}") for n in range(SEEN)]
        stages = [
            Signal(turn_layout(config), name=f"came_{n}", reset_less=True) for n in range(SEEN)
        ]
        starts = range(0, config.rows, FOUND)
        found = Signal(data.ArrayLayout(planes, len(starts)), reset_less=True)
        for n, start in enumerate(starts):
            rows = range(start, min(start + FOUND, config.rows))
            m.d.sync += found[n].eq(reduce(or_, (a[row] for row in rows)))
        m.d.sync += [valid[0].eq(came.valid), valid[1].eq(valid[0]), valid[2].eq(valid[1])]
        m.d.sync += [stages[0].eq(came.vector), stages[1].eq(stages[0]), stages[2].eq(stages[1])]
        seen = reduce(or_, (found[n] for n in range(len(starts))))
        m.d.sync += stages[2].ones.eq(seen & stages[1].ones)
        last = stages[2]
        skipped = last.planes - sum(last.ones[n] for n in range(planes))
        tag = Signal(reset_less=True)
        m.d.sync += [self.skipped.eq(Mux(valid[2], skipped, 0)), tag.eq(last.tag)]
        m.d.comb += self.skipped_tag.eq(tag)
        shown = Signal.like(came)
        m.d.comb += [shown.valid.eq(valid[2]), shown.vector.eq(last)]
        return shown
