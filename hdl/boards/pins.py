"""A board's top between the board's pins: clock, reset, serial line, two LEDs."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from .clocks import Pll

__all__ = ["TOP", "Pins"]

TOP = "insitu"
"""Module of the board's top."""


class Pins(Elaboratable):
    """Module ``TOP`` as an instance, between the pins of an amaranth platform.

    In reset until the clock is stable, and while the board's reset button, if it has one, is down.

    Parameters
    ----------
    pll : function of Hz that gives a Pll
        Of the board's oscillator's frequency.
    alive, error : tuple of str and int, or of str, int and str
        LEDs: resource, its number, and the part of it if it has several colours.
    """

    def __init__(
        self,
        pll: Callable[[float], Pll],
        alive: tuple[str, int, *tuple[str, ...]],
        error: tuple[str, int, *tuple[str, ...]],
    ):
        self._pll, self._alive, self._error = pll, alive, error

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()

        def pad(way: str, resource: str, number: int = 0, *part: str) -> Signal:
            port = platform.request(resource, number, dir="-")
            for name in part:
                port = getattr(port, name)
            m.submodules["_".join((resource, str(number), *part))] = buffer = io.Buffer(way, port)
            return buffer.i if way == "i" else buffer.o

        clock, locked, starts = Signal(), Signal(), Signal()
        pll = self._pll(platform.default_clk_frequency)
        if pll.at_the_pin:
            source: Any = platform.request(platform.default_clk, dir="-").io
        else:
            source = pad("i", platform.default_clk)
        m.submodules.pll = pll.instance(source, clock, locked)
        m.d.comb += [ClockSignal().eq(clock), starts.eq(~locked)]
        if platform.default_rst is not None:
            m.d.comb += starts.eq(~locked | pad("i", platform.default_rst))
        m.submodules.reset = ResetSynchronizer(starts)

        line = platform.request("uart", dir="-")
        m.submodules.rx = rx = io.Buffer("i", line.rx)
        m.submodules.tx = tx = io.Buffer("o", line.tx)
        m.submodules.top = Instance(
            TOP,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_rx=rx.i,
            o_tx=tx.o,
            o_alive=pad("o", *self._alive),
            o_error=pad("o", *self._error),
        )
        return m
