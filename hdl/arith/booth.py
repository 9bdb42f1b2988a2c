"""Multipliers in LUTs: radix-4 Booth digits and a pipelined adder tree."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed

from ..formats import Interval
from ..targets.multipliers import Multipliers
from .tree import AdderTree

__all__ = ["BoothMultipliers"]


class BoothMultipliers(Multipliers):
    """Each weight is recoded to ``config.booth_digits`` digits of {-2, -1, 0, 1, 2}.

    The first register holds digit times activation, a registered adder per level follows: latency
    1 + ceil_log2(digits + 1). More than 7 digits (16-bit operands) have no register of their own,
    which keeps the latency at 4 at the cost of some clock.

    A negative digit gives the complement of its multiple; the one that is then missing sits in the
    two low bits that the next digit's word leaves free, and the top digit's is a word of its own.
    """

    def elaborate(self, platform):
        m = Module()
        for c in range(self._cols):
            for k in range(self._dot):
                product = self._multiply(m, self.a[k], self.b[c][k], f"{c}_{k}")
                m.d.comb += self.p[c][k].eq(product)
        return m

    def _multiply(self, m: Module, a, b, name: str):
        """Product of operands ``a`` and ``b``, which may be signed or not."""
        digits = self._config.booth_digits
        limit = 2 * self._config.a_operand.magnitude + 1
        multiple = Interval(-limit, limit)
        b_extended = Signal(signed(2 * digits), name=f"b_{name}")
        m.d.comb += b_extended.eq(b)

        words, word_values = [], []
        missing = Const(0, 1)
        for n in range(digits):
            below = b_extended[2 * n - 1] if n else Const(0, 1)
            code = Cat(below, b_extended[2 * n : 2 * n + 2])
            negative = code[2]
            double, zero = Signal(name=f"double_{name}_{n}"), Signal(name=f"zero_{name}_{n}")
            m.d.comb += double.eq((code == 0b011) | (code == 0b100))
            m.d.comb += zero.eq((code == 0b000) | (code == 0b111))
            magnitude = Mux(double, a << 1, a)
            part = Signal(multiple.shape, name=f"part_{name}_{n}", reset_less=True)
            one = Signal(name=f"one_{name}_{n}", reset_less=True)
            domain = m.d.sync if digits <= 7 else m.d.comb
            domain += part.eq(Mux(zero, 0, Mux(negative, -1 - magnitude, magnitude)))
            domain += one.eq(negative & ~zero)
            low = Cat(Const(0, 2 * n - 2), missing, Const(0, 1)) if n else Const(0, 0)
            words.append(Cat(low, part).as_signed())
            word_values.append(Interval(multiple.lo << 2 * n, (multiple.hi + 1) << 2 * n))
            missing = one
        # The narrowest word is the cheapest to add the last one to.
        words.insert(1, missing << (2 * digits - 2))
        word_values.insert(1, Interval(0, 1 << (2 * digits - 2)))

        tree = AdderTree(word_values, self._config.product)
        m.submodules[f"tree_{name}"] = tree
        m.d.comb += [tree.i[str(n)].eq(word) for n, word in enumerate(words)]
        return tree.o
