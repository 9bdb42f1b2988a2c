"""What a machine's shell and its engine say to each other."""

from amaranth.hdl import signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.axi import Axi4
from ..config.machine import MachineConfig
from ..config.widths import BLOCK_BITS
from .events import Event, event_layout
from .job import job_layout, step_layout, word_layout

__all__ = ["APART", "LATE", "EnginePort", "bank_axi", "place_layout", "row_layout"]

APART = 6
"""Cycles from a row of sums to the next one that is added to the same word, or more."""

LATE = 2
"""Cycles from a row's place to its sums: they are many wires, of which no decision depends."""


PORT_ID_BITS = 8


def bank_axi(config: MachineConfig) -> Axi4:
    """The AXI slave into the banks, seen from its master."""
    return Axi4(config.bus_bits, config.port_addr_bits, PORT_ID_BITS)


def place_layout(config: MachineConfig) -> data.StructLayout:
    """Where a row of sums goes: to word ``addr`` of the block of C.

    ``first``: it begins the word; otherwise it is added to it. ``slot``: whose it is. ``skip``:
    there is no such row, its sums mean nothing. ``end``: the block's last row.
    """
    return data.StructLayout(
        {"addr": range(config.c_words), "first": 1, "slot": 1, "skip": 1, "end": 1}
    )


def row_layout(config: MachineConfig) -> data.StructLayout:
    """With ``valid`` the place of a row; its sums, in ``cols`` columns, ``LATE`` cycles later."""
    shape = signed(config.array.out_bits)
    return data.StructLayout(
        {
            "valid": 1,
            "place": place_layout(config),
            "c": data.ArrayLayout(shape, config.array.cols),
        }
    )


class EnginePort(wiring.Signature):
    """Seen from the engine.

    jobs
        Jobs by slot.
    steps
        Steps of the block loops.
    need, room_a, room_b, reserve_a, reserve_b
        Room in the operand buffers for the next row, which is then fetched.
    frees
        Instead of these, where operands are fetched by element: what was collected of them for a k
        has been used.
    a, b
        Words of rows from memory.
    has_room, has_d
        With the first step of a block of C the engine waits for ``has_room``, and for ``has_d`` if
        its sums begin at D. Both stay high until it begins.
    begin, addend
        For the cycle after that step has started; whether the block begins at D.
    rows
        Sums, from registers. They cannot be refused; those that are added to a
        word must be ``APART`` cycles after the row before them for that word, which
        :class:`~insitu.hdl.operands.places.Places` sees to.
    events
        What the engine counts, see :class:`~insitu.hdl.shell.counters.Counters`.
    s_axi
        Of engines with a ``bank_port``: an AXI slave into the banks,
        :class:`~insitu.hdl.engines.near.bank_port.BankPort`.
    port_busy
        It must refuse: a descriptor waits or is under way. From a register.
    port_writes, port_bank
        It has written to that bank.
    """

    def __init__(self, config: MachineConfig, events: tuple[Event, ...]):
        port = {
            "s_axi": In(bank_axi(config)),
            "port_busy": In(1),
            "port_writes": Out(1),
            "port_bank": Out(range(config.array.banks)),
        }
        room: dict = {"need": In(BLOCK_BITS), "room_a": Out(1), "room_b": Out(1)}
        room |= {"reserve_a": In(1), "reserve_b": In(1)}
        if config.array.addressing.by_element:
            room = {"frees": Out(1)}
        super().__init__(
            {
                "jobs": In(data.ArrayLayout(job_layout(config), 2)),
                "steps": In(stream.Signature(step_layout(config))),
                **room,
                "a": In(stream.Signature(word_layout(config))),
                "b": In(stream.Signature(word_layout(config))),
                "has_room": In(1),
                "has_d": In(1),
                "begin": Out(1),
                "addend": Out(1),
                "rows": Out(row_layout(config)),
                "events": Out(event_layout(events)),
            }
            | (port if config.array.bank_port else {})
        )
