"""The compute-in-memory tile."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.cim import CimConfig
from ..stream import Delay, Queue, has_room
from .bank import Banks
from .column import Column
from .planes import Planes
from .ports import a_layout, o_layout, plane_layout, w_layout

__all__ = ["CimTile"]

SPREAD = 4  # columns that share a register on the way of a plane


class CimTile(wiring.Component):
    """Vectors times resident weights, bit plane by bit plane.

    ``c[col] = Σ_row a[row] · w[bank][row][col]``, exact, or as an ADC reads it out. A vector takes
    as many cycles as it has planes, at least one; with ``config.skip`` as it has planes with a one.
    Vectors follow each other without a gap. The inside runs free: the last plane of a vector
    enters only if the output queue has room for its sums, so any pattern of stalls is safe.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.cim.CimConfig`
        Fixes every size, width and latency.

    Members
    -------
    w : ``In(stream.Signature(w_layout(config)))``
        Rows of weights; always ready, one per cycle. Vectors accepted later see them. A row of a
        bank that a vector under way still needs must not be written: those whose output came are
        over.
    a : ``In(stream.Signature(a_layout(config)))``
        Vectors. ``planes`` from 0 to ``act_bits``.
    o : ``Out(stream.Signature(o_layout(config)))``
        One word per vector, in order.
    done, skipped, done_tag, skipped_tag : Out
        See :class:`~insitu.hdl.cim.planes.Planes`.
    rst
        Synchronous. Drops every vector under way; weights stay.
    """

    def __init__(self, config: CimConfig):
        self._config = config
        super().__init__(
            {
                "w": In(stream.Signature(w_layout(config), always_ready=True)),
                "a": In(stream.Signature(a_layout(config))),
                "o": Out(stream.Signature(o_layout(config))),
                "done": Out(1),
                "skipped": Out(range(config.act_bits + 1)),
                "done_tag": Out(1),
                "skipped_tag": Out(1),
            }
        )

    @property
    def config(self) -> CimConfig:
        return self._config

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.planes = planes = Planes(config)
        m.submodules.banks = banks = Banks(config)
        wiring.connect(m, wiring.flipped(self.a), planes.i)
        m.d.comb += [
            banks.write.eq(self.w.valid),
            banks.word.eq(self.w.payload),
            banks.bank.eq(planes.bank),
            self.done.eq(planes.done),
            self.skipped.eq(planes.skipped),
            self.done_tag.eq(planes.done_tag),
            self.skipped_tag.eq(planes.skipped_tag),
        ]
        # What goes with a plane, up to the cycle before its sum is added.
        flags = plane_layout(config)
        reach = config.bank_latency + config.column_latency - 1
        m.submodules.valid = valid = Delay(1, reach - 1, reset=True)
        m.submodules.flags = late = Delay(flags, reach - 1)
        m.d.comb += [valid.i.eq(planes.valid), late.i.eq(planes.flags)]
        if config.skip:
            m.submodules.index = index = Delay(len(planes.flags.index), reach - 3)
            m.d.comb += index.i.eq(planes.flags.index)
        m.submodules.plane = plane = Delay(config.rows, config.bank_latency - 1)
        m.d.comb += plane.i.eq(planes.plane)

        def own(name: str, value) -> Signal:
            """``value`` a cycle later, in a register for nothing else."""
            copy = Signal(
                len(Value.cast(value)), name=name, attrs={"own_register": 1}, reset_less=True
            )
            m.d.sync += copy.eq(value)
            return copy

        # All columns see every plane: over registers beside some of them, then beside each.
        word = Signal(o_layout(config), reset_less=True)
        for c in range(config.cols):
            if c % SPREAD == 0:
                near = {
                    "plane": own(f"near_plane_{c}", plane.o),
                    "valid": own(f"near_valid_{c}", valid.o),
                    "first": own(f"near_first_{c}", late.o.first),
                    "negate": own(f"near_negate_{c}", late.o.negate),
                }
                if config.skip:
                    near["index"] = own(f"near_index_{c}", index.o)
            m.submodules[f"column_{c}"] = column = Column(config)
            for name, value in near.items():
                m.d.comb += getattr(column, name).eq(own(f"{name}_{c}", value))
            m.d.comb += [column.w[r].eq(banks.weights[r][c]) for r in range(config.rows)]
            m.d.sync += word.c[c].eq(column.total)

        # Sums of a complete vector, to the queue.
        m.submodules.ended = ended = Delay(1, 4, reset=True)
        m.submodules.last = last = Delay(1, 4)
        m.d.comb += [ended.i.eq(valid.o & late.o.end), last.i.eq(late.o.last)]
        layout = o_layout(config)
        m.submodules.queue = queue = Queue(layout, config.queue_depth, target=config.target)
        m.d.comb += [
            queue.i.valid.eq(ended.o),
            queue.i.payload.c.eq(word.c),
            queue.i.payload.last.eq(last.o),
            self.o.valid.eq(queue.o.valid),
            self.o.payload.eq(queue.o.payload),
            queue.o.ready.eq(self.o.ready),
        ]
        # From a register, so a vector more is kept free: it may end before it is counted.
        # Nothing ends in the cycle after a reset: it would be of before it.
        may_end = Signal(init=1, reset_less=True)
        m.d.sync += may_end.eq(has_room(m, self.o, config.credits - 2, planes.ends))
        m.d.comb += planes.may_end.eq(may_end)
        return m
