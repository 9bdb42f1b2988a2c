"""Free-running delays: no handshake, one register per cycle and bit."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Delay", "Skew"]


class Delay(wiring.Component):
    """``o`` is ``i`` of ``cycles`` cycles ago; ``cycles = 0`` is a wire.

    Never stalls. After reset ``o`` is 0 for ``cycles`` cycles if ``reset``, undefined otherwise.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
        Shape of a word.
    cycles : int
        At least 0; ``ValueError`` otherwise.
    reset : bool
        Whether reset clears the registers. Flags need it, data does not.
    """

    def __init__(self, shape, cycles: int, *, reset: bool = False):
        if cycles < 0:
            raise ValueError(f"Delay must be at least 0 cycles, not {cycles}")
        self._shape, self._cycles, self._reset = shape, cycles, reset
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        last = self.i
        for n in range(self._cycles):
            stage = Signal(self._shape, name=f"stage_{n}", reset_less=not self._reset)
            m.d.sync += stage.eq(last)
            last = stage
        m.d.comb += self.o.eq(last)
        return m


class Skew(wiring.Component):
    """Delays lane ``n`` of a vector by ``delays[n]`` cycles: makes a wavefront, or straightens one.

    Never stalls. ``o`` is undefined until each lane's delay has passed.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
        Shape of a lane.
    delays : sequence of int
        One entry per lane, each at least 0; ``ValueError`` otherwise.
    reset : bool
        Whether reset clears the registers.
    """

    def __init__(self, shape, delays, *, reset: bool = False):
        self._shape, self._delays, self._reset = shape, tuple(delays), reset
        if any(delay < 0 for delay in self._delays):
            raise ValueError(f"Delays must be at least 0 cycles, not {self._delays}")
        lanes = data.ArrayLayout(shape, len(self._delays))
        super().__init__({"i": In(lanes), "o": Out(lanes)})

    def elaborate(self, platform):
        m = Module()
        for n, cycles in enumerate(self._delays):
            m.submodules[f"lane_{n}"] = lane = Delay(self._shape, cycles, reset=self._reset)
            m.d.comb += [lane.i.eq(self.i[n]), self.o[n].eq(lane.o)]
        return m
