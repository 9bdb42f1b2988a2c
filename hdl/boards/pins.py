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
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer

from .clocks import Pll

__all__ = ["TOP", "Pins"]

TOP = "insitu"
"""Module of the board's top."""


class Pins(Elaboratable):
    """Module ``TOP`` as an instance, between the pins of an amaranth platform.

    Nothing happens until the clock is stable. Where it can be held back (ECP5) registers begin as
    the bitstream sets them and there is no reset: a net to six thousand registers, for which
    nextpnr has no network of its own, takes the wires that the rest needs. Elsewhere (iCE40) they
    are in reset until then, and while the board's reset button, if it has one, is down.

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
        pll = self._pll(platform.default_clk_frequency)
        m.domains.sync = ClockDomain(reset_less=pll.gated)

        def pad(way: str, resource: str, number: int = 0, *part: str) -> Signal:
            port = platform.request(resource, number, dir="-")
            for name in part:
                port = getattr(port, name)
            m.submodules["_".join((resource, str(number), *part))] = buffer = io.Buffer(way, port)
            return buffer.i if way == "i" else buffer.o

        clock, locked = Signal(), Signal()
        if pll.at_the_pin:
            source: Any = platform.request(platform.default_clk, dir="-").io
        else:
            source = pad("i", platform.default_clk)
        m.submodules.pll = pll.instance(source, clock, locked)
        reset: Any = 0
        if pll.gated:
            m.domains.pll = ClockDomain(reset_less=True, local=True)
            stable = Signal()
            m.submodules.stable = FFSynchronizer(locked, stable, o_domain="pll", stages=4)
            m.d.comb += ClockSignal("pll").eq(clock)
            m.submodules.gate = Instance("DCCA", i_CLKI=clock, i_CE=stable, o_CLKO=ClockSignal())
        else:
            starts, reset = Signal(), ResetSignal()
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
            i_rst=reset,
            i_rx=rx.i,
            o_tx=tx.o,
            o_alive=pad("o", *self._alive),
            o_error=pad("o", *self._error),
        )
        return m
