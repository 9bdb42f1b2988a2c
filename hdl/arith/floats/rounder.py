"""Fixed point to binary32."""

from amaranth.hdl import Cat, Const, Module, Mux, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.fields import ceil_log2
from ..registers import late, register
from .codes import BIAS, FRACTION_BITS, NAN, infinity

__all__ = ["Rounder"]

SIGNIFICAND = FRACTION_BITS + 1


class Rounder(wiring.Component):
    """``y = x · 2^unit``, rounded once, half to even; 0 becomes +0.

    Latency is :attr:`latency` cycles, one number per cycle; never stalls.

    Parameters
    ----------
    bits : int
        Of ``x``, up to 128.
    unit : int
        Such that every result but 0 is a normal binary32; ``ValueError`` otherwise.

    Members
    -------
    x : In(signed(bits))
    nan, positive, negative : In(1)
        It is a NaN, or +∞ or −∞ was added, or both, which is a NaN.
    y : Out(32)
        A NaN is 0x7FC00000. From registers.
    """

    def __init__(self, bits: int, unit: int):
        if not (BIAS + unit >= 1 and BIAS + unit + bits <= 254 and 2 <= bits <= 128):
            raise ValueError(f"unit must leave {bits} bits normal in binary32, not {unit}")
        self._bits, self._unit = bits, unit
        flags = {name: In(1) for name in ("nan", "positive", "negative")}
        super().__init__({"x": In(signed(bits)), **flags, "y": Out(32)})

    @property
    def latency(self) -> int:
        """Cycles from ``x`` to ``y``: magnitude, a step per bit of the shift, rest, rounding."""
        return 3 + ceil_log2(self._bits)

    def elaborate(self, platform):
        m = Module()
        bits, steps = self._bits, ceil_log2(self._bits)
        sign = register(m, "sign", self.x[-1])
        value = register(m, "magnitude", Mux(self.x[-1], -self.x, self.x)[:bits])

        # To the top: half of what is left at a time. Whether it was moved, from the top bit.
        moved = []
        for step in reversed(range(steps)):
            # At least one bit stays, which is moved to the top if it is 1.
            by = 1 << step
            if by >= bits:
                moved.append(Const(0, 1))
                value = register(m, f"by_{by}", value)
            else:
                empty = ~value[bits - by :].any()
                value = register(m, f"by_{by}", Mux(empty, Cat(Const(0, by), value)[:bits], value))
                moved = [register(m, f"moved_{n}_{by}", bit) for n, bit in enumerate(moved)]
                moved.append(register(m, f"moved_by_{by}", empty))
        shift = Cat(reversed(moved))
        wide = Cat(Const(0, max(0, SIGNIFICAND + 2 - bits)), value)
        kept, half, rest = wide[-SIGNIFICAND:], wide[-SIGNIFICAND - 1], wide[: -SIGNIFICAND - 1]

        top = BIAS + self._unit + bits - 1  # exponent of what need not be moved
        exponent = register(m, "exponent", (top - shift)[:8])
        up = register(m, "up", half & (rest.any() | kept[0]))
        zero = register(m, "zero", ~kept[-1])
        kept = register(m, "kept", kept)
        sign = late(m, "sign_late", sign, steps + 1)
        nan, positive, negative = (
            late(m, name, getattr(self, name), steps + 2)
            for name in ("nan", "positive", "negative")
        )
        # A carry out of the fraction raises the exponent.
        number = Cat(kept[:-1], exponent) + up
        found = Mux(zero, 0, Cat(number[:31], sign))
        is_nan = nan | (positive & negative)
        unlike = Mux(is_nan, NAN, infinity(negative))
        m.d.sync += self.y.eq(Mux(is_nan | positive | negative, unlike, found))
        return m
