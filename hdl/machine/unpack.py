"""Rows of bus words into rows of buffer words."""

from math import gcd

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.fields import ceil_div

__all__ = ["Unpack"]


class Unpack(wiring.Component):
    """Cuts rows of elements, ``wide`` to an input word, into words of ``narrow`` elements or more.

    The last word of a row is filled up with ``pad``, as it was with the row's last input word.

    Takes an input word and gives an output word
    per cycle where the widths allow; a row's last output word and the next row's first input word
    share a cycle. Latency is one cycle.

    Parameters
    ----------
    bits : int
        Of an element.
    taken, given : int
        Elements of an input and of an output word.

    Members
    -------
    i : ``In(stream.Signature({"data", "last", "tail", "pad"}))``
        ``last`` marks a row's last word, of which ``tail`` elements count, at least 1; of the
        others all do. ``i.ready`` depends on ``o.ready``.
    o : ``Out(stream.Signature({"word"}))``
        From registers and, in a row's last word, a multiplexer.
    """

    def __init__(self, bits: int, taken: int, given: int):
        self._bits, self._taken, self._given = bits, taken, given
        word = data.StructLayout(
            {"data": bits * taken, "last": 1, "tail": range(taken + 1), "pad": bits}
        )
        super().__init__(
            {
                "i": In(stream.Signature(word)),
                "o": Out(stream.Signature(data.StructLayout({"word": bits * given}))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o, bits = self.i, self.o, self._bits
        # Everything moves in units that divide both words.
        unit = gcd(self._taken, self._given)
        n_in, n_out = self._taken // unit, self._given // unit
        size = n_in + n_out - 1
        pad = Signal(bits, reset_less=True)
        pads = Cat(*[pad] * unit)

        held = [Signal(bits * unit, name=f"unit_{n}", reset_less=True) for n in range(size)]
        count = Signal(range(size + 1))  # units held
        ending = Signal()  # the row's last word is among them
        enough, gives, rest = Signal(), Signal(), Signal.like(count)
        m.d.comb += [
            enough.eq((count >= n_out) | (ending & (count != 0))),
            o.valid.eq(enough),
            gives.eq(o.valid & o.ready),
            rest.eq(Mux(gives, Mux(count >= n_out, count - n_out, 0), count)),
            i.ready.eq((rest < n_out) & (~ending | (rest == 0))),
            o.payload.word.eq(
                Cat(
                    Mux(ending & (count <= n), pads, held[n]) if n else held[n]
                    for n in range(n_out)
                )
            ),
        ]

        # Elements behind the row's end become pads on their way in.
        fresh = []
        for n in range(self._taken):
            beyond = i.payload.last & (i.payload.tail <= n) if n else 0
            fresh.append(Mux(beyond, i.payload.pad, i.payload.data.word_select(n, bits)))
        units = [Cat(*fresh[n * unit : (n + 1) * unit]) for n in range(n_in)]
        arrives = Signal()
        amount = Signal(range(n_in + 1))
        m.d.comb += arrives.eq(i.valid & i.ready)
        m.d.comb += amount.eq(n_in)
        with m.If(i.payload.last):
            # Rounded up to units.
            with m.Switch(i.payload.tail):
                for tail in range(1, self._taken + 1):
                    with m.Case(tail):
                        m.d.comb += amount.eq(ceil_div(tail, unit))
        with m.If(arrives):
            m.d.sync += [count.eq(rest + amount), ending.eq(i.payload.last), pad.eq(i.payload.pad)]
        with m.Else():
            m.d.sync += count.eq(rest)
            with m.If(rest == 0):
                m.d.sync += ending.eq(0)

        for n in range(size):
            kept = held[n]
            if n + n_out < size:
                kept = Mux(gives, held[n + n_out], held[n])
            value = Signal(bits * unit, name=f"next_{n}")
            m.d.comb += value.eq(kept)
            for place in range(n_out):
                if place <= n < place + n_in:
                    with m.If(arrives & (rest == place)):
                        m.d.comb += value.eq(units[n - place])
            m.d.sync += held[n].eq(value)
        return m
