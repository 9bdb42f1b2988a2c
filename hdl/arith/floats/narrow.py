"""binary32 to a narrower format."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...formats import FloatFormat
from ..registers import late, register
from .codes import BIAS, FRACTION_BITS, magnitude_of
from .shifts import down

__all__ = ["Narrow"]

SIGNIFICAND = FRACTION_BITS + 1
FARTHEST = SIGNIFICAND + 1  # places after which nothing but less than a half is left


class Narrow(wiring.Component):
    """``y``: binary32 ``x`` in one of ``formats``, rounded to nearest, half to even.

    Latency is ``Narrow.LATENCY`` cycles, one number per cycle; never stalls.

    Parameters
    ----------
    formats : sequence of FloatFormat
        Of fewer bits of fraction, and no more of exponent, than binary32.

    Members
    -------
    x : In(32)
    choice : In(range(len(formats)))
        Which one; constant while numbers are under way.
    saturates : In(1)
        What is beyond the greatest number becomes that, infinities included, and otherwise an
        infinity, or a NaN where there are none. Constant as well.
    y : Out(16)
        The code, in its low bits. A NaN is positive, the one with the first bit of the fraction
        only, or all bits where there is no other. From registers.
    """

    LATENCY = 6

    def __init__(self, formats: Sequence[FloatFormat]):
        self._formats = tuple(formats)
        super().__init__(
            {
                "x": In(32),
                "choice": In(range(len(self._formats))),
                "saturates": In(1),
                "y": Out(16),
            }
        )

    def _by_format(self, m: Module, name: str, shape, values):
        """A register with the value for the chosen format."""
        found = Signal(shape, name=name, reset_less=True)
        with m.Switch(self.choice):
            for n, value in enumerate(values):
                with m.Case(n):
                    m.d.sync += found.eq(value)
        return found

    def elaborate(self, platform):
        m = Module()
        formats = self._formats
        exponent, fraction = self.x[23:31], self.x[:23]

        # Cycle 0: the exponent as the format counts it.
        sign = register(m, "sign", self.x[31])
        significand = register(m, "significand", magnitude_of(exponent, fraction))
        is_nan = register(m, "is_nan", exponent.all() & fraction.any())
        is_infinite = register(m, "is_infinite", exponent.all() & ~fraction.any())
        least = register(m, "least", exponent == 0)
        offsets = self._by_format(m, "offset", range(BIAS + 1), [BIAS - f.bias for f in formats])
        drop = self._by_format(
            m, "drop", range(24), [FRACTION_BITS - f.fraction_bits for f in formats]
        )
        raw = register(m, "raw", exponent)

        # Cycle 1: places to drop, more of them below the least normal number.
        biased = Signal(signed(10))
        m.d.comb += biased.eq(raw + least - offsets)
        below = biased < 1
        wanted = Signal(signed(11))
        m.d.comb += wanted.eq(drop + Mux(below, 1 - biased, 0))
        amount = register(m, "amount", Mux(wanted > FARTHEST, FARTHEST, wanted)[:5])
        field = register(m, "field", Mux(below, 0, biased - 1)[:8])

        # Cycles 2 and 3: dropped, with a bit for the half and one for the rest.
        value = Cat(Const(0, 2), register(m, "significand_late", significand))
        value = register(m, "coarse", down(value, amount[3:], 8))
        value = register(m, "fine", down(value, register(m, "amount_fine", amount[:3]), 1))
        field = late(m, "field_late", field, 2)

        # Cycle 4: rounded; the leading one, and a carry, raise the exponent.
        rounds = value[1] & (value[0] | value[2])
        place = Signal(20)
        with m.Switch(self.choice):
            for n, fmt in enumerate(formats):
                with m.Case(n):
                    m.d.comb += place.eq(field << fmt.fraction_bits)
        code = register(m, "code", (place + value[2:] + rounds)[:20])
        sign, is_nan, is_infinite = (
            late(m, name, x, 4)
            for name, x in (("sign_late", sign), ("nan", is_nan), ("infinite", is_infinite))
        )

        # Cycle 5.
        most = self._by_format(m, "most", 16, [f.greatest for f in formats])
        beyond = self._by_format(
            m, "beyond", 16, [f.infinity if f.has_infinity else f.nan for f in formats]
        )
        nans = self._by_format(m, "nans", 16, [f.nan for f in formats])
        over = is_infinite | (code > most)
        # Without an infinity a NaN takes its place, which has no sign.
        signs = self._by_format(m, "signs", 1, [f.has_infinity for f in formats])
        found = Mux(over, Mux(self.saturates, most, beyond), code[:16])
        signed_ = sign & (~over | self.saturates | signs)
        widths = [f.bits for f in formats]
        with m.Switch(self.choice):
            for n, width in enumerate(widths):
                with m.Case(n):
                    m.d.sync += self.y.eq(Mux(is_nan, nans, Cat(found[: width - 1], signed_)))
        return m
