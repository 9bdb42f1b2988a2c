"""Arithmetic of floating-point numbers whose sums are exact."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config import ArrayConfig
from ...config.numbers import EXACT
from ...formats import FloatFormat
from ...stream import Delay
from ..multiplier import multipliers
from .base import Arithmetic

__all__ = ["ExactArithmetic", "ExactProduct"]

FINE = 3  # low bits of a place, by which a product is shifted first


class ExactProduct(wiring.Component):
    """``o[c] = a · b[c]`` in fixed point, its flags below it: a product per column.

    Significands are multiplied, then shifted by the sum of both places, in two steps. One result
    per cycle, ``config.multiplier_latency + config.tree_latency`` cycles after its operands; never
    stalls.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.ArrayConfig`
        Of floating-point formats.
    cols : int
        Columns that share ``a``.

    Members
    -------
    a : ``In(ArrayLayout(Unpacked, 1))``
    b : ``In(ArrayLayout(ArrayLayout(Unpacked, 1), cols))``
        Driven by the PE's operand registers, every cycle.
    o : ``Out(ArrayLayout(signed, cols))``
        Flags NaN, +∞ and −∞ in the low bits, a term above them, which means nothing where one of
        them is set. From registers.
    """

    def __init__(self, config: ArrayConfig, cols: int):
        self._config, self._cols = config, cols
        a = data.ArrayLayout(config.a_moving.shape, 1)
        b = data.ArrayLayout(config.b_moving.shape, 1)
        super().__init__(
            {
                "a": In(a),
                "b": In(data.ArrayLayout(b, cols)),
                "o": Out(data.ArrayLayout(config.wire(config.dot_sum), cols)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.mult = mult = multipliers(config, self._cols)
        m.d.comb += mult.a[0].eq(self.a[0].significand)
        for c in range(self._cols):
            m.d.comb += mult.b[c][0].eq(self.b[c][0].significand)
            self._column(m, c, mult.p[c][0])
        return m

    def _column(self, m: Module, c: int, product) -> None:
        """The term of a column, whose significands have this product."""
        config = self._config
        a, b = self.a[0], self.b[c][0]
        place = Signal(range(EXACT.places(config) + 1), name=f"place_{c}", reset_less=True)
        nan, infinite = (Signal(name=f"{x}_{c}", reset_less=True) for x in ("nan", "infinite"))
        # What is 0 · ∞: an infinity's significand is not 0.
        no_product = (a.infinite & (b.significand == 0)) | (b.infinite & (a.significand == 0))
        m.d.sync += [
            place.eq(a.place + b.place),
            nan.eq(a.nan.any() | b.nan.any() | no_product.any()),
            infinite.eq(a.infinite.any() | b.infinite.any()),
        ]
        known = Cat(place, nan, infinite)
        delay = Delay(len(known), config.multiplier_latency - 1)
        m.submodules[f"known_{c}"] = delay
        m.d.comb += delay.i.eq(known)
        place, nan, infinite = (
            delay.o[: len(place)],
            delay.o[len(place)],
            delay.o[len(place) + 1],
        )

        fine, coarse = place[:FINE], place[FINE:]
        near = Signal(signed(len(product) + (1 << FINE) - 1), name=f"near_{c}", reset_less=True)
        far = Signal(signed(config.term.bits), name=f"far_{c}", reset_less=True)
        rest = Signal(len(coarse), name=f"coarse_{c}", reset_less=True)
        flags = [Signal(3, name=f"flags_{c}_{n}", reset_less=True) for n in range(2)]
        is_infinite = infinite & ~nan
        m.d.sync += [
            near.eq(_shifted(product, fine, 1)),
            rest.eq(coarse),
            flags[0].eq(Cat(nan, is_infinite & ~product[-1], is_infinite & product[-1])),
            far.eq(_shifted(near, rest, 1 << FINE)),
            flags[1].eq(flags[0]),
        ]
        m.d.comb += self.o[c].eq(Cat(flags[1], far))


def _shifted(value, amount, unit: int):
    """``value`` times two to ``amount · unit``, chosen among all of these."""
    choices = [Cat(Const(0, n * unit), value).as_signed() for n in range(1 << len(amount))]
    for bit in amount:
        choices = [Mux(bit, y, x) for x, y in zip(choices[::2], choices[1::2], strict=True)]
    return choices[0]


class ExactArithmetic(Arithmetic):
    """Operands are taken apart where they enter the array; a sum has flags in its low bits, which
    are set as soon as one of its terms has them."""

    dot = ExactProduct

    def entering(self, fmt: FloatFormat, x, zero):
        """An :class:`~insitu.hdl.config.numbers.exact.Unpacked` of a code."""
        fraction, exponent, sign = x[: fmt.fraction_bits], x[fmt.fraction_bits : -1], x[-1]
        normal = exponent.any()
        magnitude = Cat(fraction, normal)
        significand = Mux(sign, -magnitude, magnitude)[: len(magnitude) + 1]
        parts = [significand, (exponent - normal)[: len(exponent)]]
        if fmt.has_infinity:
            greatest = exponent.all()
            parts += [greatest & fraction.any(), greatest & ~fraction.any()]
        elif fmt.has_nan:
            parts.append(x[:-1].all())
        return Cat(parts)

    def add(self, x, y):
        flags = EXACT.flags
        return Cat(x[:flags] | y[:flags], x[flags:].as_signed() + y[flags:].as_signed()).as_signed()

    def moves(self, x):
        """All but its sign."""
        return x[:-1]
