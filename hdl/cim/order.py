"""Which plane of which vector comes when."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.cim import CimConfig
from .ports import plane_layout, turn_layout

__all__ = ["Order"]


def highest(bits: Value) -> Value:
    """The highest of ``bits`` alone, as a bit."""
    return Cat(bit & ~bits[n + 1 :].any() for n, bit in enumerate(bits))


def number(bit: Value, size: int) -> Value:
    """Number of a bit of ``size`` of which one is high, 0 if none is."""
    width = max(1, (size - 1).bit_length())
    return Cat(Cat(bit[n] for n in range(size) if n >> b & 1).any() for b in range(width))


class Order(wiring.Component):
    """Takes vectors in turn and says their planes, one per cycle, the highest first, without gaps.

    Planes that are not among ``ones`` are left out; a vector without any takes one cycle. The last
    plane of a vector waits for ``may_end``.

    Parameters
    ----------
    config : CimConfig
    slots : int
        Places of vectors, in which they come one after the other; a power of two.

    Members
    -------
    i : ``In(stream.Signature(turn_layout(config)))``
        ``i.ready`` follows from registers and ``may_end`` through one gate.
    may_end : In(1)
        There is room for another output.
    ends : Out(1)
        A vector's last plane leaves, so that the room is taken.
    slot : Out(range(slots))
        Of the vector under way. A register.
    o : Out
        ``valid``: a plane comes, of ``flags``, in ``bank``; ``done``: it is worked on, ``tag``:
        for that vector.
    zero : Out(1)
        The vector has no plane. A register.
    """

    def __init__(self, config: CimConfig, slots: int):
        self._config = config
        shown = data.StructLayout(
            {
                "valid": 1,
                "bank": range(config.banks),
                "flags": plane_layout(config),
                "done": 1,
                "tag": 1,
            }
        )
        super().__init__(
            {
                "i": In(stream.Signature(turn_layout(config))),
                "may_end": In(1),
                "ends": Out(1),
                "slot": Out(range(slots), init=slots - 1),
                "o": Out(shown),
                "zero": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, planes = self.i, self._config.act_bits
        # The vector under way, and what is left of it after the next plane. Only `full` needs a
        # reset: without a vector nothing looks at the rest.
        full = Signal()
        is_end, first, zero = (Signal(name=x, reset_less=True) for x in ("is_end", "first", "zero"))
        left, index = Signal(planes, reset_less=True), Signal(range(planes), reset_less=True)
        vector = Signal(i.payload.shape(), reset_less=True)
        moves, steps = Signal(), Signal()
        ones = i.payload.ones
        # With the plane after it, or with the first one of the next vector: what is left then,
        # whether nothing is, and the plane's number. Both are worked out, as it is known late
        # which of them comes.
        found = []
        for rest in (left, ones):
            top = highest(rest)
            found.append((rest & ~top, (rest & ~top) == 0, number(top, planes)))
        (on_left, on_ends, on_index), (new_left, new_ends, new_index) = found
        m.d.comb += [
            moves.eq(~full | (is_end & self.may_end)),
            steps.eq(full & (~is_end | self.may_end)),
            self.ends.eq(full & is_end & self.may_end),
            i.ready.eq(moves),
        ]
        m.d.sync += [
            # Of a vector that waits for its end nothing is left.
            left.eq(Mux(moves, new_left, on_left)),
            is_end.eq(Mux(moves, new_ends, on_ends)),
        ]
        with m.If(moves):
            m.d.sync += [full.eq(i.valid), vector.eq(i.payload), first.eq(1)]
            m.d.sync += [index.eq(new_index), zero.eq(~ones.any())]
        with m.Elif(~is_end):
            m.d.sync += [index.eq(on_index), first.eq(0)]
        with m.If(moves & i.valid):
            m.d.sync += self.slot.eq(self.slot + 1)
        flags = self.o.flags
        m.d.comb += [
            self.o.valid.eq(steps),
            self.o.bank.eq(vector.bank),
            flags.first.eq(first),
            flags.end.eq(is_end),
            flags.negate.eq(vector.signed & (vector.planes == index + 1)),
            flags.index.eq(index),
            flags.last.eq(vector.last),
            self.o.done.eq(steps & ~zero),
            self.zero.eq(zero),
            self.o.tag.eq(vector.tag),
        ]
        return m
