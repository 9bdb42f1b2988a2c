"""Serial requantiser: one sum at a time, a few bits of its scale per cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.requantise import TAIL, is_tie
from ..config.compact import CompactConfig

__all__ = ["SerialRequantise"]

SUM, SIGNIFICAND = 32, 24


class SerialRequantise(wiring.Component):
    """``y = clamp(zero + round_half_even(x · scale), lo, hi)``, as :class:`.Requantise`.

    One register of 56 bits first holds the scale's significand, which leaves it bit by bit while
    the product comes in from above; then the product, of which places are dropped until the point
    stands after bit 1. The same step does both: with nothing to add it drops ``step`` places. What
    was dropped last is kept in ``tail``: rounding to binary32 first depends on it.

    From ``start`` to ``done`` it takes :meth:`cycles`.

    Parameters
    ----------
    config : CompactConfig

    Members
    -------
    start : In(1)
        ``x`` and ``scale`` are valid; not before ``done`` of the one before.
    x : In(signed(32))
        The sum. Constant until ``done``.
    scale : In(32)
        A binary32, positive and normal.
    binary32 : In(1)
        Round to binary32 first. Constant until ``done``.
    zero, lo, hi : In(signed(9))
        As of :class:`~insitu.hdl.arith.requantise.Requantise`. Constant until ``done``.
    done : Out(1)
        For a cycle; ``y`` is valid in it and stays until the next one.
    y : Out(signed(9))
    """

    def __init__(self, config: CompactConfig):
        self._config = config
        small = In(signed(9))
        super().__init__(
            {
                "start": In(1),
                "x": In(signed(SUM)),
                "scale": In(32),
                "binary32": In(1),
                "zero": small,
                "lo": small,
                "hi": small,
                "done": Out(1),
                "y": Out(signed(9)),
            }
        )

    @staticmethod
    def places(scale: int) -> int:
        """Bits after the point of the product, less one, as they are dropped; of a binary32."""
        return min(56, max(0, 149 - (scale >> 23 & 0xFF)))

    @classmethod
    def cycles(cls, config: CompactConfig, scale: int) -> int:
        """From ``start`` to ``done``, the first of these two not included."""
        return config.multiply_cycles + config.shift_cycles(cls.places(scale)) + 2

    def elaborate(self, platform):
        m = Module()
        step, times = self._config.step, self._config.multiply_cycles
        high, low, tail = Signal(signed(SUM)), Signal(SIGNIFICAND), Signal(TAIL)
        places, left = Signal(6), Signal(range(times + 1))
        sticky, huge = Signal(), Signal()
        moved, ready = Signal(signed(12)), Signal()
        up = Signal()  # to be added to what was moved by the zero point
        exponent = self.scale[23:31]

        # One step: add some multiple of x, or nothing, and drop the lowest bits.
        multiplies = Signal()
        digit, total = Signal(step), Signal(signed(SUM + step))
        part: list = [high]
        m.d.comb += [
            multiplies.eq(left != 0),
            digit.eq(Mux(multiplies, low[:step], 0)),
        ]
        for n in range(step):
            part.append(Mux(digit[n], self.x, Const(0, signed(SUM))) << n)
        m.d.comb += total.eq(sum(part[1:], part[0]))

        # 10 bits of the floor and the one after the point; above only copies of the sign may be.
        product = Cat(low, high)
        floor, sign = product[1:11].as_signed(), high[-1]
        over = (product[10:-1] ^ sign.replicate(len(product) - 11)).any() | huge
        tie = is_tie(self.binary32, floor, product[0], tail, sticky)
        base = Mux(over, Mux(sign, -512, 511), floor)

        busy = Signal()
        m.d.sync += ready.eq(0)
        with m.If(self.start):
            # Places to drop but one. A scale of 2^23 and more takes all but 0 out of range.
            m.d.sync += [
                busy.eq(1),
                high.eq(0),
                low.eq(Cat(self.scale[:23], 1)),
                left.eq(times),
                tail.eq(0),
                sticky.eq(0),
                huge.eq((exponent > 149) & (self.x != 0)),
                places.eq(
                    Mux(exponent > 149, 0, Mux(exponent < 149 - 56, 56, (149 - exponent)[:6]))
                ),
            ]
        with m.Elif(busy):
            with m.If(multiplies | (places >= step)):
                m.d.sync += [
                    high.eq(total >> step),
                    low.eq(Cat(low[step:], total[:step])),
                ]
                with m.If(multiplies):
                    m.d.sync += left.eq(left - 1)
                with m.Else():
                    m.d.sync += [
                        places.eq(places - step),
                        tail.eq(Cat(tail, low[:step])[step:]),
                        sticky.eq(sticky | tail[:step].any()),
                    ]
            with m.Elif(places != 0):
                m.d.sync += [
                    high.eq(high >> 1),
                    low.eq(Cat(low[1:], high[0])),
                    places.eq(places - 1),
                    tail.eq(Cat(tail[1:], low[0])),
                    sticky.eq(sticky | tail[0]),
                ]
            with m.Else():
                m.d.sync += [
                    busy.eq(0),
                    ready.eq(1),
                    moved.eq(base + self.zero),
                    up.eq(~over & Mux(tie, product[1], product[0])),
                ]
        y = Signal(signed(12))
        m.d.comb += [
            y.eq(moved + up),
            self.done.eq(ready),
            self.y.eq(Mux(y < self.lo, self.lo, Mux(y > self.hi, self.hi, y))),
        ]
        return m
