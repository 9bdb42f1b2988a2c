"""Register slice."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .delay import Delay

__all__ = ["Skid", "Slot"]

PART = 64  # bits of a long word that share what says whether there is one


class Skid(wiring.Component):
    """Two-word register slice: no combinational path joins its ends.

    Latency is one cycle, throughput one word per cycle. When ``o`` stalls, one more word is taken
    before ``i.ready`` falls. Costs two registers and one LUT per bit.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
        Shape of a word, at least one bit wide.
    far : bool
        What gives or takes the words is far away, or they are long: ``o.valid`` and ``i.ready``
        have registers of their own, for that alone, and so has every part of the payload.
    late : int
        If not 0, payloads come ``late`` - 1 cycles after their handshake on ``i`` and go ``late``
        cycles after that on ``o``: with ``far``, words that do not end where they are asked for.
        Then a register per bit more, and each part has the handshakes in registers beside it.

    Members
    -------
    i : ``In(stream.Signature(shape))``
        Words to pass on. ``i.ready`` is a register's inverse.
    o : ``Out(stream.Signature(shape))``
        The same words in order, from registers. ``o.payload`` is meaningful while ``o.valid``, and
        ``late`` cycles after that.

    Raises
    ------
    ValueError
        If ``shape`` is zero bits wide, or payloads are late but not far.
    """

    def __init__(self, shape, *, far: bool = False, late: int = 0):
        if Shape.cast(shape).width == 0:
            raise ValueError(f"Word shape must be at least one bit wide, not {shape!r}")
        if late and not far:
            raise ValueError("Payloads that are late must be far")
        self._shape, self._far, self._late = shape, far, late
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o

        # Payload registers need no reset: `valid` says whether they mean anything.
        width = Shape.cast(self._shape).width
        shown, spare = (Signal(width, name=name, reset_less=True) for name in ("shown", "spare"))
        m.d.comb += Value.cast(o.payload).eq(shown)
        given = Value.cast(i.payload)
        handshakes = Cat(i.valid, o.ready)
        if self._late:
            came = Signal(width, reset_less=True)
            m.d.sync += came.eq(given)
            given = came
            m.submodules.handshakes = behind = Delay(2, self._late - 1, reset=True)
            m.d.comb += behind.i.eq(handshakes)
        # Parts of the payload, each beside registers of its own that say whether there are words.
        size = PART if self._far else width
        parts = [slice(first, first + size) for first in range(0, width, size)]
        if self._far:
            parts.insert(0, slice(0, 0))  # for what gives and takes the words
        for n, part in enumerate(parts):
            # All are equal, and each must be marked, or Yosys takes one for all.
            attrs = {"own_register": 1} if self._far else {}
            has_shown = Signal(name=f"has_shown_{n}", attrs=attrs)
            has_spare = Signal(name=f"has_spare_{n}", attrs=attrs)
            valid, ready = handshakes
            if n == 0:
                m.d.comb += [o.valid.eq(has_shown), i.ready.eq(~has_spare)]
            elif self._late:
                here = Signal(2, name=f"handshakes_{n}", attrs=attrs)
                m.d.sync += here.eq(behind.o)
                valid, ready = here
            # `spare` follows the input for as long as it is empty: its enable is one register.
            with m.If(~has_spare):
                m.d.sync += spare[part].eq(given[part])
            stays = has_shown & ~ready
            has_word = has_spare | valid
            # Written as gates, a LUT each: of conditions Yosys makes enables and resets, whose nets
            # are slower, after a LUT of their own.
            m.d.sync += [has_shown.eq(stays | has_word), has_spare.eq(stays & has_word)]
            with m.If(~stays):
                m.d.sync += shown[part].eq(Mux(has_spare, spare[part], given[part]))

        return m


class Slot(wiring.Component):
    """One-word register slice: no combinational path joins its ends.

    Latency is one cycle, throughput a word in two cycles. For slow streams and slow logic: it costs
    a register per bit, and what comes from ``o.ready`` ends at one register.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`

    Members
    -------
    i, o
        As of :class:`Skid`.
    """

    def __init__(self, shape):
        self._shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        payload = Signal(self._shape, reset_less=True)
        m.d.comb += [i.ready.eq(~o.valid), o.payload.eq(payload)]
        with m.If(~o.valid):
            m.d.sync += [payload.eq(i.payload), o.valid.eq(i.valid)]
        with m.Elif(o.ready):
            m.d.sync += o.valid.eq(0)
        return m
