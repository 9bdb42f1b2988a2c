"""Sum of two binary32."""

from amaranth.hdl import Cat, Const, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..registers import late, register
from .codes import NAN, infinity, magnitude_of
from .shifts import down, leading_zeros, up_by

__all__ = ["Adder"]

GUARDS = 3  # bits below the significand: two, and whether any other follows


class Adder(wiring.Component):
    """``y = a + b``, rounded to nearest, half to even, as IEEE 754 has it, subnormals included.

    Latency is ``Adder.LATENCY`` cycles, one sum per cycle; never stalls.

    Members
    -------
    a, b : In(32)
    y : Out(32)
        A NaN is 0x7FC00000. From registers.
    """

    LATENCY = 11

    def __init__(self):
        super().__init__({"a": In(32), "b": In(32), "y": Out(32)})

    def elaborate(self, platform):
        m = Module()
        special, unlike = self._special(m)
        big, small, distance, sign, minus = self._ordered(m)

        # Cycles 2 and 3: the smaller one to the place of the larger one.
        coarse, fine = distance[3:5], distance[:3]
        far = distance[5:].any()
        value = Cat(Const(0, GUARDS), small)
        value = Mux(far, Cat(small.any(), Const(0, len(value) - 1)), down(value, coarse, 8))
        value, fine = register(m, "coarse", value), register(m, "fine", Mux(far, 0, fine))
        value = register(m, "aligned", down(value, fine, 1))

        # Cycle 4: the sum, with a bit for the carry.
        large = Cat(Const(0, GUARDS), late(m, "large", big[0], 2))
        minus = late(m, "minus_late", minus, 2)
        total = Mux(minus, large - value, large + value)
        total = register(m, "total", total[: len(large) + 1])
        exponent = late(m, "exponent", big[1], 3)
        sign = late(m, "sign", sign, 3)

        # Cycles 5 to 7: the first one to the top, but no further than the least exponent.
        carries = total[-1]
        reach = total[:-1]
        places = leading_zeros(reach)
        most = Mux(exponent == 0, 0, exponent - 1)[:8]
        places = register(m, "places", places)
        most = register(m, "most", most)
        carried = register(m, "carried", carries)
        halved = Cat(total[0] | total[1], total[2:])
        kept = register(m, "kept", Mux(carries, halved, reach))
        exponent = register(m, "exponent_kept", exponent)
        short = places > most
        up = register(m, "up", Mux(carried, 0, Mux(short, most, places))[:5])
        kept = register(m, "kept_late", kept)
        exponent = register(m, "raised", exponent + carried)
        value = register(m, "coarse_up", up_by(kept, up[3:], 8))
        up_fine = register(m, "up_fine", up[:3])
        exponent = register(m, "lowered", (exponent - up)[:9])
        value = register(m, "normal", up_by(value, up_fine, 1))
        exponent = register(m, "exponent_normal", exponent)

        # Cycles 9 and 10: rounding; a carry out of the fraction raises the exponent.
        sign = late(m, "sign_late", sign, 4)
        body = value[GUARDS:]
        rounds = value[GUARDS - 1] & (value[: GUARDS - 1].any() | body[0])
        field = Mux(body[-1], exponent, 0)  # without a leading one it is subnormal, or 0
        number = register(m, "number", (Cat(body[:-1], field) + rounds)[:32])
        sign = register(m, "sign_end", sign)
        over = number[23:].as_unsigned() >= 255
        found = Mux(over, infinity(sign), Cat(number[:31], sign))
        special, unlike = late(m, "special", special, 8), late(m, "unlike", unlike, 8)
        m.d.sync += self.y.eq(Mux(special, unlike, found))
        return m

    def _special(self, m: Module):
        """Cycle 0: a result that is no sum of numbers, or that has a sign of its own."""
        a, b = self.a, self.b
        nan, infinite = [], []
        for x in (a, b):
            greatest = x[23:31].all()
            nan.append(greatest & x[:23].any())
            infinite.append(greatest & ~x[:23].any())
        opposite = a[31] ^ b[31]
        no_sum = nan[0] | nan[1] | (infinite[0] & infinite[1] & opposite)
        is_nan = register(m, "is_nan", no_sum)
        is_infinite = register(m, "is_infinite", infinite[0] | infinite[1])
        sign = register(m, "infinite_sign", Mux(infinite[0], a[31], b[31]))
        # Opposite numbers, and zeros of which one is +0, have the sum +0.
        nothing = register(m, "nothing", (a[:31] == b[:31]) & opposite)
        special = register(m, "special_in", is_nan | is_infinite | nothing)
        unlike = Mux(is_nan, NAN, Mux(is_infinite, infinity(sign), 0))
        return special, register(m, "unlike_in", unlike)

    def _ordered(self, m: Module):
        """Cycles 0 and 1: significand and exponent of the larger one, significand of the other, how
        far it is below, the sum's sign, and whether they are subtracted."""
        a, b = register(m, "a_in", self.a), register(m, "b_in", self.b)
        swaps = register(m, "swaps", self.a[:31] < self.b[:31])
        minus = register(m, "opposite", self.a[31] ^ self.b[31])
        big, small = Mux(swaps, b, a), Mux(swaps, a, b)
        exponents = [Mux(x[23:31].any(), x[23:31], 1) for x in (big, small)]
        significands = [magnitude_of(x[23:31], x[:23]) for x in (big, small)]
        exponent = register(m, "exponent_in", exponents[0])
        return (
            (register(m, "big", significands[0]), exponent),
            register(m, "small", significands[1]),
            register(m, "distance", (exponents[0] - exponents[1])[:8]),
            register(m, "sign_in", big[31]),
            register(m, "minus", minus),
        )
