"""Serial line: one start bit, eight data bits from the low one on, one stop bit."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from ..config.fields import UserError

__all__ = ["UartReceiver", "UartTransmitter", "divisor"]

FRAME = 10
"""Bits of a byte on the line."""


def divisor(clock_hz: float, baud: int) -> int:
    """Cycles per bit, 6 or more; ``UserError`` unless the rate is met within 2 %."""
    cycles = round(clock_hz / baud)
    if cycles < 6 or abs(clock_hz / cycles / baud - 1) > 0.02:
        raise UserError(
            f"baud: must be {clock_hz / 1e6:g} MHz by a whole number from 6, within 2 %, not {baud}"
        )
    return cycles


class UartReceiver(wiring.Component):
    """Bytes from a line. Each bit is looked at in its middle; a byte without stop bit is dropped.

    Parameters
    ----------
    cycles : int
        Per bit, from 6.

    Members
    -------
    rx : In(1)
        The line, not synchronous to anything.
    o : ``Out(stream.Signature(8, always_ready=True))``
        A byte, half a bit before its stop bit ends.
    """

    def __init__(self, cycles: int):
        self._cycles = cycles
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(8, always_ready=True))})

    def elaborate(self, platform):
        m = Module()
        rx = Signal(init=1)
        m.submodules.line = FFSynchronizer(self.rx, rx, init=1)
        timer, left = Signal(range(self._cycles)), Signal(range(FRAME + 1))
        bits = Signal(8, reset_less=True)
        m.d.comb += self.o.payload.eq(bits)
        m.d.sync += [self.o.valid.eq(0), timer.eq(timer - 1)]
        with m.If(left == 0):
            m.d.sync += timer.eq(self._cycles // 2 - 1)
            with m.If(~rx):
                m.d.sync += left.eq(FRAME)
        with m.Elif(timer == 0):
            m.d.sync += [timer.eq(self._cycles - 1), left.eq(left - 1)]
            with m.If(left == FRAME):
                with m.If(rx):
                    m.d.sync += left.eq(0)  # a spike, no start bit
            with m.Elif(left == 1):
                m.d.sync += self.o.valid.eq(rx)
            with m.Else():
                m.d.sync += bits.eq(Cat(bits[1:], rx))
        return m


class UartTransmitter(wiring.Component):
    """Bytes onto a line.

    Parameters
    ----------
    cycles : int
        Per bit, from 1.

    Members
    -------
    i : ``In(stream.Signature(8))``
        Taken while the line is idle.
    tx : Out(1)
        The line, a register.
    """

    def __init__(self, cycles: int):
        self._cycles = cycles
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        timer, left = Signal(range(self._cycles)), Signal(range(FRAME + 1))
        bits = Signal(FRAME - 1, init=-1)
        m.d.comb += self.i.ready.eq(left == 0)
        with m.If(left == 0):
            with m.If(self.i.valid):
                m.d.sync += [self.tx.eq(0), bits.eq(Cat(self.i.payload, Const(1, 1)))]
                m.d.sync += [left.eq(FRAME), timer.eq(self._cycles - 1)]
        with m.Elif(timer == 0):
            m.d.sync += [timer.eq(self._cycles - 1), left.eq(left - 1)]
            m.d.sync += Cat(self.tx, bits).eq(Cat(bits, Const(1, 1)))
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m
