"""Nests whose loops follow the steps of the block loops without a gap."""

from collections.abc import Callable
from dataclasses import fields

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.machine import BLOCK_BITS, MachineConfig
from ...machine.job import step_layout
from ...machine.nest import Nest, loops_layout
from ...stream import Skid
from .loops import LEVELS, Loops, Sizes

__all__ = ["Walk", "walk_layout"]

OFFSET_BITS = 16
PLACE_BITS = BLOCK_BITS + 1


def walk_layout() -> data.StructLayout:
    """A word: ``offset`` in the block; ``skip`` if there is no such word.

    ``first``, ``last`` of the innermost loop; ``turn``: the innermost loop's words are a block to
    be transposed, of whose columns ``count`` count, and ``block_first``, ``block_last``: it is
    first or last of the next loop; ``place``, ``done``: see
    :class:`~hdl.engines.systolic.loops.Loops`; ``end``: last word of its ``step``.
    """
    return data.StructLayout(
        {
            "offset": unsigned(OFFSET_BITS),
            "skip": 1,
            "first": 1,
            "last": 1,
            "turn": 1,
            "count": unsigned(BLOCK_BITS),
            "block_first": 1,
            "block_last": 1,
            "place": unsigned(PLACE_BITS),
            "done": unsigned(PLACE_BITS),
            "end": 1,
            "step": step_layout(),
        }
    )


class Walk(wiring.Component):
    """Turns steps into words' offsets, one per cycle.

    The loops of the next step are worked out while those of this one run; its first word follows
    the last one of this step in the next cycle. A step's first word is offered five cycles after
    it was taken, or later.

    Parameters
    ----------
    config : MachineConfig
    choices : list of functions of Sizes
        Loops to choose from.

    Members
    -------
    i : ``In(stream.Signature(step_layout()))``
    choice : In(1)
        Which loops the step on ``i`` has; steady while it is offered.
    gate : In(1)
        The next step may start; once high it stays so until the step has started.
    starts, next, waits : Out
        It does, in this cycle; that step; nothing but the gate keeps it from starting.
    o : ``Out(stream.Signature(walk_layout()))``
        From registers.
    """

    def __init__(self, config: MachineConfig, choices: list[Callable[[Sizes], Loops]]):
        self._config, self._choices = config, choices
        super().__init__(
            {
                "i": In(stream.Signature(step_layout())),
                "choice": In(1),
                "gate": In(1),
                "starts": Out(1),
                "next": Out(step_layout()),
                "waits": Out(1),
                "o": Out(stream.Signature(walk_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        values = {"offset": OFFSET_BITS, "place": PLACE_BITS, "done": PLACE_BITS}
        m.submodules.nest = nest = Nest(LEVELS, BLOCK_BITS, values)

        # --- The next step: its quotients, then its loops ---
        wanted = Sizes.of(self._config, self.i.payload.m, self.i.payload.n, self.i.payload.k)
        given = {
            f.name: Signal.like(Value.cast(getattr(wanted, f.name)), name=f.name, reset_less=True)
            for f in fields(wanted)
        }
        taken, is_taken = Signal(step_layout(), reset_less=True), Signal()
        choice = Signal()
        m.d.comb += self.i.ready.eq(~is_taken)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [is_taken.eq(1), taken.eq(self.i.payload), choice.eq(self.choice)]
            m.d.sync += [value.eq(getattr(wanted, name)) for name, value in given.items()]

        layout = data.StructLayout(
            {
                "loops": loops_layout(LEVELS, BLOCK_BITS, values),
                "lanes": unsigned(BLOCK_BITS),
                "rows": unsigned(BLOCK_BITS),
                "total": unsigned(BLOCK_BITS),
                "full": signed(PLACE_BITS + 1),
                "turn": 1,
                "whole": 1,
                "step": step_layout(),
            }
        )
        prepared, active = Signal(layout, reset_less=True), Signal(layout, reset_less=True)
        is_prepared = Signal()
        # From a register, as whoever opens the gate may be far away: what was opened stays open
        # until the step starts.
        may_start = Signal()
        m.d.sync += may_start.eq(is_prepared & self.gate & ~self.starts)
        with m.If(self.starts):
            m.d.sync += is_prepared.eq(0)
        with m.If(is_taken & ~is_prepared):
            m.d.sync += [is_taken.eq(0), is_prepared.eq(1), prepared.step.eq(taken)]
            for number, option in enumerate(self._choices):
                loops = option(Sizes(**given))
                with m.If(choice == number):
                    m.d.sync += [
                        prepared.lanes.eq(loops.levels[0].count),
                        prepared.rows.eq(loops.rows),
                        prepared.total.eq(loops.total),
                        prepared.full.eq(loops.total - loops.levels[0].count),
                        prepared.turn.eq(loops.turn),
                        prepared.whole.eq(loops.whole),
                    ]
                    for n in range(LEVELS):
                        loop = loops.levels[n] if n < len(loops.levels) else None
                        less = loop.count - 1 if loop else 0
                        m.d.sync += prepared.loops.less[n].eq(less)
                        for name in values:
                            stride = getattr(loop, name) if loop else 0
                            m.d.sync += prepared.loops.stride[name][n].eq(stride)

        # --- This step ---
        m.d.comb += [
            nest.i.payload.eq(prepared.loops),
            nest.i.valid.eq(may_start),
            self.starts.eq(nest.i.valid & nest.i.ready),
            self.next.eq(prepared.step),
            self.waits.eq(is_prepared & nest.i.ready & ~self.gate),
        ]
        with m.If(nest.i.ready):
            m.d.sync += active.eq(prepared)  # once it has started
        m.submodules.skid = skid = Skid(walk_layout())
        word, walked = skid.i.payload, nest.o.payload
        rest = Signal(PLACE_BITS)
        m.d.comb += [
            skid.i.valid.eq(nest.o.valid),
            nest.o.ready.eq(skid.i.ready),
            word.offset.eq(walked.value.offset),
            word.skip.eq(walked.value.place >= active.rows),
            word.first.eq(walked.first[0]),
            word.last.eq(walked.last[0]),
            word.turn.eq(active.turn),
            rest.eq(active.total - walked.value.done),
            word.count.eq(
                # The last ones, unless there are `lanes` of them.
                Mux(
                    active.whole,
                    active.total,
                    Mux(walked.value.done > active.full, rest, active.lanes),
                )
            ),
            word.block_first.eq(active.whole | (walked.value.done == 0)),
            word.block_last.eq(active.whole | walked.last[1]),
            word.place.eq(walked.value.place),
            word.done.eq(walked.value.done),
            word.end.eq(walked.last[-1]),
            word.step.eq(active.step),
        ]
        wiring.connect(m, skid.o, wiring.flipped(self.o))
        return m
