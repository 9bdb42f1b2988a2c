"""What a machine's shell and its engine say to each other."""

from amaranth.hdl import signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.machine import BLOCK_BITS, MachineConfig
from ..machine.counters import Event, event_layout
from ..machine.job import job_layout, step_layout

__all__ = ["EnginePort", "row_layout"]


def row_layout(config: MachineConfig) -> data.StructLayout:
    """Sums of one row and ``cols`` columns, at word ``addr`` of the block of C.

    ``first``: they begin the word; otherwise they are added to it. ``slot``: whose they are.
    """
    shape = signed(config.array.out_bits)
    return data.StructLayout(
        {
            "c": data.ArrayLayout(shape, config.array.cols),
            "addr": range(config.c_words),
            "first": 1,
            "slot": 1,
        }
    )


class EnginePort(wiring.Signature):
    """Seen from the engine.

    jobs
        Jobs by slot.
    steps
        Steps of the block loops, each before its words.
    need, room_a, room_b, reserve_a, reserve_b
        Room in the operand buffers for the next row, which is then fetched.
    valid, data, is_b, tail, last, slot, ready
        Words of rows from memory; of a row's ``last`` word ``tail`` elements count.
    may_begin, begin
        With the first step of a block of C the engine waits for ``may_begin``, which stays high
        then, and raises ``begin`` for the cycle after it has started.
    addend
        Whether that block begins at D; steady until the cycle of ``begin``.
    rows
        Sums.
    complete
        The last of a block's rows was given in this cycle or before.
    events
        What the engine counts, see :class:`~hdl.machine.counters.Counters`.
    """

    def __init__(self, config: MachineConfig, events: tuple[Event, ...]):
        most = config.bus_bits // min(config.array.a.bits, config.array.b.bits)
        super().__init__(
            {
                "jobs": In(data.ArrayLayout(job_layout(config), 2)),
                "steps": In(stream.Signature(step_layout())),
                "need": In(BLOCK_BITS),
                "room_a": Out(1),
                "room_b": Out(1),
                "reserve_a": In(1),
                "reserve_b": In(1),
                "valid": In(1),
                "data": In(config.bus_bits),
                "is_b": In(1),
                "tail": In(range(most + 1)),
                "last": In(1),
                "slot": In(1),
                "ready": Out(1),
                "may_begin": In(1),
                "begin": Out(1),
                "addend": Out(1),
                "rows": Out(stream.Signature(row_layout(config))),
                "complete": Out(1),
                "events": Out(event_layout(events)),
            }
        )
