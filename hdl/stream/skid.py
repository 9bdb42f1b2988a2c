"""Register slice."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Skid", "Slot"]


class Skid(wiring.Component):
    """Two-word register slice: no combinational path joins its ends.

    Latency is one cycle, throughput one word per cycle. When ``o`` stalls, one more word is taken
    before ``i.ready`` falls. Costs two registers and one LUT per bit.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
        Shape of a word, at least one bit wide.
    far : bool
        Whoever gives or takes the words is far away: ``o.valid`` and ``i.ready`` have registers of
        their own, for that alone.

    Members
    -------
    i : ``In(stream.Signature(shape))``
        Words to pass on. ``i.ready`` is a register's inverse.
    o : ``Out(stream.Signature(shape))``
        The same words in order, from registers. ``o.payload`` is meaningful while ``o.valid``.

    Raises
    ------
    ValueError
        If ``shape`` is zero bits wide.
    """

    def __init__(self, shape, *, far: bool = False):
        if Shape.cast(shape).width == 0:
            raise ValueError(f"Word shape must be at least one bit wide, not {shape!r}")
        self._shape, self._far = shape, far
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o

        # Payload registers need no reset: `valid` says whether they mean anything.
        shown = Signal(self._shape, reset_less=True)
        spare = Signal(self._shape, reset_less=True)
        # Whether there are words: for whoever gives and takes them, and for the payload. Each of
        # two equal registers must be marked, or Yosys takes one for both.
        copies = ("", "_here") if self._far else ("",)
        attrs = {"own_register": 1} if self._far else {}
        valids = [Signal(name=f"has_shown{copy}", attrs=attrs) for copy in copies]
        fulls = [Signal(name=f"has_spare{copy}", attrs=attrs) for copy in copies]
        has_shown, has_spare = valids[-1], fulls[-1]
        m.d.comb += [o.valid.eq(valids[0]), i.ready.eq(~fulls[0]), o.payload.eq(shown)]

        # `spare` follows the input for as long as it is empty, so its enable is one register.
        with m.If(~has_spare):
            m.d.sync += spare.eq(i.payload)
        with m.If(o.ready | ~has_shown):
            m.d.sync += [valid.eq(has_spare | i.valid) for valid in valids]
            m.d.sync += [full.eq(0) for full in fulls]
            with m.If(has_spare):
                m.d.sync += shown.eq(spare)
            with m.Else():
                m.d.sync += shown.eq(i.payload)
        with m.Elif(i.valid):
            m.d.sync += [full.eq(1) for full in fulls]

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
