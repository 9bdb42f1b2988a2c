"""Rows of bus words into rows of buffer words."""

from math import gcd

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.fields import ceil_div

__all__ = ["Unpack"]


class Unpack(wiring.Component):
    """Cuts rows of elements, ``taken`` to an input word, into words of ``given`` elements.

    The last word of a row is filled up with ``pad``, as it was with the row's last input word.

    Takes an input word and gives an output word per cycle where the widths allow; a row's last
    output word and the next row's first input word share a cycle. Latency is one cycle. Everything
    stands still while ``o`` stalls.

    Parameters
    ----------
    bits : int
        Of an element.
    taken, given : int
        Elements of an input and of an output word.
    skips : bool
        Rows begin anywhere in their first word.

    Members
    -------
    i : ``In(stream.Signature({"data", "last", "tail", "pad"}))``
        ``last`` marks a row's last word, whose elements after the first ``tail`` do not count, and
        at least 1 does; of the others all do. With ``skips`` there is ``skip``: so many elements of
        a row's first word do not count. With a constant ``o.ready``, ``i.ready`` is a register, and
        always high if ``given`` is a multiple of ``taken``.
    o : ``Out(stream.Signature({"word", "last"}))``
        From registers and, in a row's last word, a multiplexer. ``last`` of a row.
    """

    def __init__(self, bits: int, taken: int, given: int, *, skips: bool = False):
        self._bits, self._taken, self._given, self._skips = bits, taken, given, skips
        fields: dict = {"data": bits * taken, "last": 1, "tail": range(taken + 1), "pad": bits}
        word = data.StructLayout(fields | ({"skip": range(max(2, taken))} if skips else {}))
        super().__init__(
            {
                "i": In(stream.Signature(word)),
                "o": Out(stream.Signature(data.StructLayout({"word": bits * given, "last": 1}))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o, bits = self.i, self.o, self._bits
        # Everything moves in units that divide both words.
        unit = 1 if self._skips else gcd(self._taken, self._given)
        n_in, n_out = self._taken // unit, self._given // unit
        size = n_in + n_out - 1
        pad = Signal(bits, reset_less=True)
        pads = Cat(*[pad] * unit)

        # What is done in a cycle was worked out in the one before.
        held = [Signal(bits * unit, name=f"unit_{n}", reset_less=True) for n in range(size)]
        rest = Signal(range(max(n_in, n_out)))  # units held, but for those given in this cycle
        may_take = Signal(init=1)
        ready = may_take if n_in > 1 else Const(1, 1)  # otherwise there is always room
        ending = Signal()  # the row's last word is among them
        beyond = Signal(n_out)  # places after the row's end
        place = Signal(n_out, init=1)  # `rest`, as one bit
        moves, arrives = Signal(), Signal()
        m.d.comb += [
            moves.eq(o.ready | ~o.valid),
            arrives.eq(i.valid & ready),
            i.ready.eq(ready & moves),
            o.payload.word.eq(
                Cat(Mux(beyond[n], pads, held[n]) if n else held[n] for n in range(n_out))
            ),
        ]

        # Elements before the row's begin are left out, those after its end become pads, on their
        # way in.
        tail, given, skip = i.payload.tail, i.payload.data, None
        if self._skips:
            begins, skip = Signal(init=1), Signal(range(max(2, self._taken)))
            with m.If(i.valid & i.ready):
                m.d.sync += begins.eq(i.payload.last)
            tail, shifted = Signal.like(tail), Signal.like(given)
            m.d.comb += [skip.eq(Mux(begins, i.payload.skip, 0)), tail.eq(i.payload.tail - skip)]
            with m.Switch(skip):
                for n in range(self._taken):
                    with m.Case(n):
                        m.d.comb += shifted.eq(given >> n * bits)
            given = shifted
        fresh = []
        for n in range(self._taken):
            outside = i.payload.last & (tail <= n) if n else 0
            fresh.append(Mux(outside, i.payload.pad, given.word_select(n, bits)))
        units = [Cat(*fresh[n * unit : (n + 1) * unit]) for n in range(n_in)]
        whole = n_in if skip is None else n_in - skip
        part = Signal(range(n_in + 1), init=1)  # of a row's last word, rounded up to units
        if n_in > 1:  # otherwise there is one unit, however little of it counts
            with m.Switch(tail):
                for count in range(1, self._taken + 1):
                    with m.Case(count):
                        m.d.comb += part.eq(ceil_div(count, unit))

        # Of the next cycle, for each of what may arrive: that is known last.
        def following(count: Value, ends: Value) -> Value:
            gives = (count >= n_out) | (ends & (count != 0))
            then = Mux(count >= n_out, count - n_out, Mux(gives, 0, count))[: len(rest)]
            none = then == 0
            places = Cat(then == n for n in range(n_out))
            behind = Cat(ends & (count <= n) for n in range(n_out))
            return Cat(
                gives, ends, ends & none, places, behind, (then < n_out) & (~ends | none), then
            )

        with m.If(moves):
            m.d.sync += Cat(o.valid, ending, o.payload.last, place, beyond, may_take, rest).eq(
                Mux(
                    arrives,
                    Mux(
                        i.payload.last,
                        following(rest + part, Const(1, 1)),
                        following(rest + whole, Const(0, 1)),
                    ),
                    following(rest, ending & (rest != 0)),
                )
            )
            with m.If(arrives):
                m.d.sync += pad.eq(i.payload.pad)

        # Places after those that are held take what is on offer, whether it counts or not.
        for n in range(size):
            value = Signal(bits * unit, name=f"next_{n}")
            m.d.comb += value.eq(held[n])
            if n + n_out < size:
                with m.If(o.valid):
                    m.d.comb += value.eq(held[n + n_out])
            for at in range(n_out):
                if at <= n < at + n_in:
                    with m.If(place[at]):
                        m.d.comb += value.eq(units[n - at])
            with m.If(moves):
                m.d.sync += held[n].eq(value)
        return m
