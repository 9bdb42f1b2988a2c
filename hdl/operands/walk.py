"""Nests whose loops follow the steps of the block loops without a gap."""

from collections.abc import Callable
from dataclasses import fields

from amaranth.hdl import Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.divide import scaled, times
from ..config.machine import MachineConfig
from ..config.widths import BLOCK_BITS, WORDS_BITS
from ..contract.job import step_layout
from ..stream import ReservedQueue
from .loops import Loops, Sizes
from .nest import Nest, loops_layout

__all__ = ["Walk", "walk_layout"]

PLACE_BITS = BLOCK_BITS + 1


def walk_layout(config: MachineConfig) -> data.StructLayout:
    """A word: ``offset`` in the block; ``skip`` if there is no such word.

    ``first``, ``last`` of what the array takes as one tile; ``turn``: it is ``column`` of a tile
    whose last row is at ``offset``, with ``rows`` before it, ``stride`` words apart (otherwise
    these are 0, and ``rows`` the greatest); ``place``, ``done``: see
    :class:`~insitu.hdl.operands.loops.Loops`; ``end``: last word of its ``step``.
    """
    lane = range(max(config.array.rows, config.array.cols))
    return data.StructLayout(
        {
            "offset": unsigned(WORDS_BITS),
            "skip": 1,
            "first": 1,
            "last": 1,
            "turn": 1,
            "column": lane,
            "rows": lane,
            "stride": unsigned(BLOCK_BITS),
            "place": unsigned(PLACE_BITS),
            "done": unsigned(PLACE_BITS),
            "end": 1,
            "step": step_layout(config),
        }
    )


class Walk(wiring.Component):
    """Turns steps into words' offsets, one per cycle.

    The loops of the next step are worked out while those of this one run; its first word follows
    the last one of this step in the next cycle. A step's first word is offered eight cycles after
    it was taken, or later.

    Parameters
    ----------
    config : MachineConfig
    choices : list of functions of Sizes
        Loops to choose from.

    Members
    -------
    i : ``In(stream.Signature(step_layout(config)))``
    choice : In(1)
        Which loops the step on ``i`` has; steady while it is offered.
    gate : In(1)
        The next step may start; once high it stays so until the step has started.
    starts, next, waits : Out
        It does, in this cycle; that step; nothing but the gate keeps it from starting.
    o : ``Out(stream.Signature(walk_layout()))``
        From registers.
    """

    QUEUE = 8  # words; the way to its end and back takes 6 cycles

    def __init__(self, config: MachineConfig, choices: list[Callable[[Sizes], Loops]]):
        self._config, self._choices = config, choices
        self._step = step_layout(config)
        super().__init__(
            {
                "i": In(stream.Signature(step_layout(config))),
                "choice": In(1),
                "gate": In(1),
                "starts": Out(1),
                "next": Out(step_layout(config)),
                "waits": Out(1),
                "o": Out(stream.Signature(walk_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        output = walk_layout(self._config)
        lane = Shape.cast(output["column"].shape)
        values = {
            "offset": WORDS_BITS,
            "place": PLACE_BITS,
            "done": PLACE_BITS,
            "column": lane.width,
        }

        # --- The next step: its quotients, then its loops ---
        wanted = Sizes.of(self._config, self.i.payload.m, self.i.payload.n, self.i.payload.k)
        given = {
            f.name: Signal.like(Value.cast(getattr(wanted, f.name)), name=f.name, reset_less=True)
            for f in fields(wanted)
        }
        options = [loops_of(Sizes(**given)) for loops_of in self._choices]
        levels = max(len(loops.levels) for loops in options)
        m.submodules.nest = nest = Nest(levels, BLOCK_BITS, values)
        taken, is_taken = Signal(self._step, reset_less=True), Signal()
        choice = Signal()
        m.d.comb += self.i.ready.eq(~is_taken)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [is_taken.eq(1), taken.eq(self.i.payload), choice.eq(self.choice)]
            m.d.sync += [value.eq(getattr(wanted, name)) for name, value in given.items()]

        layout = data.StructLayout(
            {
                "loops": loops_layout(levels, BLOCK_BITS, values),
                "limit": unsigned(BLOCK_BITS),
                "turn": 1,
                "whole": 1,
                "rows": lane,  # of a tile, less one, and of the last one
                "last_rows": lane,
                "stride": unsigned(BLOCK_BITS),
                "step": self._step,
            }
        )
        prepared, active = Signal(layout, reset_less=True), Signal(layout, reset_less=True)
        is_prepared = Signal()
        # From a register, as what opens the gate may be far away: what was opened stays open
        # until the step starts.
        may_start = Signal()
        m.d.sync += may_start.eq(is_prepared & self.gate & ~self.starts)
        with m.If(self.starts):
            m.d.sync += is_prepared.eq(0)
        with m.If(is_taken & ~is_prepared):
            m.d.sync += [is_taken.eq(0), is_prepared.eq(1)]
        # It follows what was taken until it is prepared, so that the enable is one register.
        with m.If(~is_prepared):
            m.d.sync += prepared.step.eq(taken)
            for number, loops in enumerate(options):
                with m.If(choice == number):
                    m.d.sync += [
                        prepared.limit.eq(loops.limit),
                        prepared.turn.eq(loops.tiles is not None),
                        prepared.whole.eq(loops.whole),
                        prepared.rows.eq(~0),
                        prepared.last_rows.eq(~0),
                        prepared.stride.eq(0),
                    ]
                    if tiles := loops.tiles:
                        passes = loops.levels[tiles.level]
                        m.d.sync += [
                            prepared.rows.eq(tiles.across - 1),
                            # What is left for the last tile.
                            prepared.last_rows.eq(
                                tiles.rows - 1 - scaled(passes.count - 1, tiles.across)
                            ),
                            prepared.stride.eq(tiles.stride),
                        ]
                    for n in range(levels):
                        loop = loops.levels[n] if n < len(loops.levels) else None
                        m.d.sync += [
                            prepared.loops.less[n].eq(loop.count - 1 if loop else 0),
                            prepared.loops.once[n].eq(loop.count == 1 if loop else 1),
                            prepared.loops.twice[n].eq(loop.count == 2 if loop else 0),
                        ]
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
        # Words from a tile's first row to its last.
        far, last_far, next_far, next_last_far = (
            Signal(WORDS_BITS, name=x, reset_less=True)
            for x in ("far", "last_far", "next_far", "next_last_far")
        )
        last_place = Signal(PLACE_BITS, reset_less=True)
        m.d.sync += [  # known by the time the step starts
            next_far.eq(times(prepared.stride, prepared.rows)),
            next_last_far.eq(times(prepared.stride, prepared.last_rows)),
        ]
        with m.If(nest.i.ready):  # once it has started
            m.d.sync += [
                active.eq(prepared),
                last_place.eq(prepared.limit - 1),
                far.eq(next_far),
                last_far.eq(next_last_far),
            ]
        by_tiles = [loops.tiles.level for loops in options if loops.tiles is not None]
        in_last = nest.at_last[by_tiles[0]] if by_tiles else 0
        # The loops go by a register: while the queue has room for all that is on its way there.
        m.submodules.queue = queue = ReservedQueue(output, self.QUEUE)
        goes, emits, emitted, taken_before = Signal(init=1), Signal(), Signal(), Signal()
        level, after = (Signal(range(self.QUEUE + 1), name=x) for x in ("level", "level_after"))
        m.d.comb += [
            nest.o.ready.eq(goes),
            emits.eq(nest.o.valid & goes),
            after.eq(level + emits - taken_before),
        ]
        m.d.sync += [
            taken_before.eq(queue.o.valid & queue.o.ready),
            level.eq(after),
            goes.eq(after != self.QUEUE),
            queue.write.eq(emitted),
        ]
        # The values come a cycle after their word; then the word is complete.
        known = data.StructLayout(
            {
                "far": unsigned(WORDS_BITS),
                "limit": unsigned(BLOCK_BITS),
                "last_place": unsigned(PLACE_BITS),
                "whole": 1,
                "ends_whole": 1,
            }
        )
        early, begun = Signal(known, reset_less=True), Signal(output, reset_less=True)
        word, walked, value = Signal(output, reset_less=True), nest.o.payload, nest.value
        m.d.comb += queue.word.eq(word)
        m.d.sync += [
            emitted.eq(emits),
            early.far.eq(Mux(in_last, last_far, far)),
            early.limit.eq(active.limit),
            early.last_place.eq(last_place),
            early.whole.eq(active.whole),
            early.ends_whole.eq(walked.last[0]),
            begun.first.eq(Mux(active.whole, walked.first[0], walked.first[1])),
            begun.turn.eq(active.turn),
            begun.rows.eq(Mux(in_last, active.last_rows, active.rows)),
            begun.stride.eq(active.stride),
            begun.end.eq(walked.last[-1]),
            begun.step.eq(active.step),
            word.eq(begun),
            word.offset.eq(value.offset + early.far),
            word.skip.eq(value.place >= early.limit),
            word.last.eq(Mux(early.whole, early.ends_whole, value.place == early.last_place)),
            word.column.eq(value.column),
            word.place.eq(value.place),
            word.done.eq(value.done),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m
