"""Nests whose loops follow the steps of the block loops without a gap."""

from collections.abc import Callable

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.machine import BLOCK_BITS, MachineConfig
from ...machine.job import step_layout
from ...machine.nest import Nest
from .loops import LEVELS, Loops

__all__ = ["Walk"]

OFFSET_BITS = 16
PLACE_BITS = BLOCK_BITS + 1


class Walk(wiring.Component):
    """Turns steps into words' offsets, one per cycle.

    The loops of the next step are worked out while those of this one run; its first word follows
    the last one of this step in the next cycle.

    Parameters
    ----------
    config : MachineConfig
    choices : list of functions of (m, n, k)
        Loops to choose from.

    Members
    -------
    i : ``In(stream.Signature(step_layout()))``
    choice : In(1)
        Which loops the step on ``i`` has; steady while it is offered.
    gate : In(1)
        The next step may start.
    starts, next, waits : Out
        It does, in this cycle; that step; nothing but the gate keeps it from starting.
    step : Out(step_layout())
        The step whose words are offered.
    o : ``Out(stream.Signature({...}))``
        ``offset`` in the block; ``skip`` if there is no such word; ``first``, ``last`` of the
        innermost loop; ``turn``: the innermost loop's words are a block to be transposed, of whose
        columns ``count`` count, and ``block_first``, ``block_last``: it is first or last of the
        next loop; ``place``, ``done``: see :class:`~hdl.engines.systolic.loops.Loops`; ``end``: the
        step's last word.
    """

    def __init__(self, config: MachineConfig, choices: list[Callable[..., Loops]]):
        self._config, self._choices = config, choices
        word = data.StructLayout(
            {
                "offset": OFFSET_BITS,
                "skip": 1,
                "first": 1,
                "last": 1,
                "turn": 1,
                "count": BLOCK_BITS,
                "block_first": 1,
                "block_last": 1,
                "place": PLACE_BITS,
                "done": PLACE_BITS,
                "end": 1,
            }
        )
        super().__init__(
            {
                "i": In(stream.Signature(step_layout())),
                "choice": In(1),
                "gate": In(1),
                "starts": Out(1),
                "next": Out(step_layout()),
                "waits": Out(1),
                "step": Out(step_layout()),
                "o": Out(stream.Signature(word)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        values = {"offset": OFFSET_BITS, "place": PLACE_BITS, "done": PLACE_BITS}
        m.submodules.nest = nest = Nest(LEVELS, BLOCK_BITS, values)

        level = data.StructLayout({"count": BLOCK_BITS, **values})
        layout = data.StructLayout(
            {
                "levels": data.ArrayLayout(level, LEVELS),
                "rows": BLOCK_BITS,
                "total": BLOCK_BITS,
                "turn": 1,
                "whole": 1,
                "step": step_layout(),
            }
        )
        prepared, active = Signal(layout, reset_less=True), Signal(layout, reset_less=True)
        is_prepared = Signal()
        live = Signal(layout)
        m.d.comb += [
            self.i.ready.eq(~is_prepared | self.starts),
            self.starts.eq(is_prepared & nest.ready & self.gate),
            self.next.eq(prepared.step),
            self.waits.eq(is_prepared & nest.ready & ~self.gate),
            self.step.eq(active.step),
            nest.start.eq(self.starts),
            live.eq(Mux(self.starts, prepared, active)),
        ]
        with m.If(self.starts):
            m.d.sync += [active.eq(prepared), is_prepared.eq(0)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += is_prepared.eq(1)
            p = self.i.payload
            m.d.sync += prepared.step.eq(p)
            for number, choice in enumerate(self._choices):
                loops = choice(p.m, p.n, p.k)
                with m.If(self.choice == number):
                    m.d.sync += [
                        prepared.rows.eq(loops.rows),
                        prepared.total.eq(loops.total),
                        prepared.turn.eq(loops.turn),
                        prepared.whole.eq(loops.whole),
                    ]
                    for n in range(LEVELS):
                        loop = loops.levels[n] if n < len(loops.levels) else None
                        for name in ("count", *values):
                            default = 1 if name == "count" else 0
                            amount = getattr(loop, name) if loop else default
                            m.d.sync += prepared.levels[n][name].eq(amount)
        for n in range(LEVELS):
            m.d.comb += nest.count[n].eq(live.levels[n].count)
            m.d.comb += [nest.stride[name][n].eq(live.levels[n][name]) for name in values]

        o, walked = self.o.payload, nest.o.payload
        lanes = Value.cast(active.levels[0].count)
        rest = Signal(PLACE_BITS)
        m.d.comb += [
            self.o.valid.eq(nest.o.valid),
            nest.o.ready.eq(self.o.ready),
            o.offset.eq(walked.value.offset),
            o.skip.eq(walked.value.place >= active.rows),
            o.first.eq(walked.first[0]),
            o.last.eq(walked.last[0]),
            o.turn.eq(active.turn),
            rest.eq(active.total - walked.value.done),
            o.count.eq(Mux(active.whole, active.total, Mux(rest < lanes, rest, lanes))),
            o.block_first.eq(active.whole | (walked.value.done == 0)),
            o.block_last.eq(active.whole | walked.last[1]),
            o.place.eq(walked.value.place),
            o.done.eq(walked.value.done),
            o.end.eq(walked.last[-1]),
        ]
        return m
