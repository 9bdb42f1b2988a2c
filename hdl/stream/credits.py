"""Room in an output queue, kept account of where words set out for it."""

from amaranth.hdl import Module, Signal, Value, signed

__all__ = ["has_room"]


def has_room(m: Module, o, spare: int, taken) -> Value:
    """Whether one launch more fits, from the sign bit of a register.

    ``spare`` is the room beyond what a launch needs; ``taken`` words are taken of it in this cycle,
    and each word that leaves by the stream ``o`` gives one back, a cycle late, so that a slow
    ``o.ready`` does not reach the adder.
    """
    room = Signal(signed(spare.bit_length() + 1), init=spare)
    left = Signal()
    m.d.sync += left.eq(o.valid & o.ready)
    m.d.sync += room.eq(room + left - taken)
    return room >= 0
