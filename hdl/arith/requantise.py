"""Requantiser: 32-bit sums to 8-bit elements, rounded once, or to binary32 first."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .compare import is_less
from .product import product as multiply
from .registers import late, register

__all__ = ["FLOOR", "TAIL", "Requantise", "is_tie"]

LIMB = 17  # bits of the low limb of each factor: one less than a signed DSP operand has
FLOOR = 10  # bits of a result's floor: beyond any bound, with any zero point, if it needs more
# Bits after the first one after the point, on which rounding to binary32 first can depend: half a
# unit in the last place of the least k + ½, which is ½, is 2^-25.
TAIL = 24


class Requantise(wiring.Component):
    """``y = clamp(zero + round_half_even(acc · multiplier · 2^-shift), lo, hi)``.

    The product is exact and rounded once, or with ``binary32`` to the nearest binary32 before it is
    rounded to an integer, both half to even: :func:`insitu.sim_models.golden.requantise` bit for
    bit. Only the bits that an 8-bit result can depend on are shifted; the others are reduced to
    "something was lost" below and "out of range" above.

    Latency is ``Requantise.LATENCY`` cycles, one element per cycle; never stalls.

    Parameters
    ----------
    target : "generic", "ecp5" or "ice40"
        ``ecp5`` instantiates four DSPs; otherwise multiplication is left to the mapper.

    Members
    -------
    acc : In(signed(32))
    multiplier : In(24)
        Significand of a binary32 scale, its leading one included.
    shift : In(signed(9))
        From -104 to 149.
    binary32 : In(1)
        Round to binary32 first; constant while elements are under way.
    zero, lo, hi : In(signed(9))
        Zero point and bounds, each from -128 to 255; constant while elements are under way.
    y : Out(signed(9))
        From registers.
    """

    LATENCY = 14

    def __init__(self, *, target: str = "generic"):
        self._target = target
        small = In(signed(9))
        super().__init__(
            {
                "acc": In(signed(32)),
                "multiplier": In(24),
                "shift": In(signed(9)),
                "binary32": In(1),
                "zero": small,
                "lo": small,
                "hi": small,
                "y": Out(signed(9)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        product = self._product(m)

        # Places to drop but one: 0 to 56. Beyond that everything rounds to 0; a scale of 2^23 and
        # more takes all but 0 out of range.
        shift = register(m, "shift_in", self.shift)
        nonzero = register(m, "nonzero", self.acc != 0)
        places = Signal(unsigned(6))
        m.d.comb += places.eq(Mux(shift > 57, 56, Mux(shift < 1, 0, shift - 1)))
        amount = late(m, "places", places, 5)
        huge = late(m, "huge", (shift < 1) & nonzero, 5)
        value, sign, sticky, over = self._shifted(m, product, amount, huge)

        # Cycles 10 to 13: rounding, zero point, bounds; out of range is further out
        # than any bound.
        tail, after, floor = value[:TAIL], value[TAIL], value[TAIL + 1 :].as_signed()
        base = register(m, "base", Mux(over, Mux(sign, -512, 511), floor) + self.zero)
        odd, rounds = register(m, "odd", floor[0]), register(m, "rounds", after)
        tie = is_tie(
            self.binary32, floor, after, tail, sticky,
            lambda name, value: register(m, f"tie_{name}", value),
        )  # fmt: skip
        moved = register(m, "moved", base + Mux(tie, odd, rounds))
        below = register(m, "below", is_less(m, "low", moved, self.lo))
        above = register(m, "above", is_less(m, "high", self.hi, moved))
        kept = register(m, "kept", moved)
        m.d.sync += self.y.eq(Mux(below, self.lo, Mux(above, self.hi, kept)))
        return m

    def _product(self, m: Module) -> Signal:
        """Cycles 0 to 6: from four limb products; DSPs may be far from the adder."""
        low_a, high_a = self.acc[:LIMB], self.acc[LIMB:].as_signed()
        low_m, high_m = self.multiplier[:LIMB], self.multiplier[LIMB:]
        low = multiply(m, low_a, low_m, "low", self._target)
        across = multiply(m, low_a, high_m, "across", self._target)
        down = multiply(m, high_a, low_m, "down", self._target)
        high = multiply(m, high_a, high_m, "high", self._target)
        middle = register(m, "middle", register(m, "across", across) + register(m, "down", down))
        outer = late(m, "outer", Cat(low[: 2 * LIMB], high[: 57 - 2 * LIMB]).as_signed(), 2)
        product = Signal(signed(57), reset_less=True)
        m.d.sync += product.eq(outer + (middle << LIMB))
        return product

    def _shifted(self, m: Module, product, amount, over):
        """Cycles 6 to 10: places dropped by 16, by 4, by 1, down to ten bits of the floor, the bit
        after it, and its tail.

        What leaves below is collected in ``sticky``; above, bits unlike the sign count. The first
        step drops most, so that it takes a cycle to look at what leaves.
        """
        value, sign, sticky = Cat(Const(0, TAIL), product), product[-1], None
        for step, width in ((16, 26 + TAIL), (4, 14 + TAIL), (1, 11 + TAIL)):
            choices, lost, beyond = [], [], []
            for n in range(4):
                drop = min(step * n, len(value))
                kept = value[drop:]
                choices.append(Cat(kept, sign.replicate(width))[:width])
                lost.append(value[:drop].any())
                # The top bit kept is a copy of the sign in the last step only.
                rest = kept[width - (step == 1) :]
                beyond.append((rest ^ sign.replicate(len(rest))).any())
            if step == 16:
                lost = [register(m, f"lost_{n}", bit) for n, bit in enumerate(lost)]
                beyond = [register(m, f"beyond_{n}", bit) for n, bit in enumerate(beyond)]
                choices = [register(m, f"choice_{n}", bits) for n, bits in enumerate(choices)]
                sign, amount = register(m, "sign", sign), register(m, "places_in", amount)
                over = register(m, "huge_in", over)
            chosen = Cat(amount.bit_select(2 * (step.bit_length() // 2), 2))
            name = f"by_{step}"

            def pick(options, chosen=chosen):
                return Mux(
                    chosen[1],
                    Mux(chosen[0], options[3], options[2]),
                    Mux(chosen[0], options[1], options[0]),
                )

            dropped = pick(lost)
            sticky = register(m, f"{name}_sticky", dropped if sticky is None else sticky | dropped)
            over = register(m, f"{name}_over", over | pick(beyond))
            value = register(m, name, pick(choices))
            sign = register(m, f"{name}_sign", sign)
            amount = register(m, f"{name}_places", amount)
        return value, sign, sticky, over


def is_tie(binary32, floor, after, tail, sticky, later=lambda name, value: value) -> Value:
    """Whether what is rounded to an integer is as far from the one above as from the one below.

    That is, the exact product is; or, with ``binary32``, it is no further from k + ½ than half a
    unit in the last place of that, 2^-n: then k + ½ is the nearest binary32, also if another is as
    near, as its significand is even. n is 25 for k = 0, 24 for 1, 23 for 2 and 3, down to 16, and
    for negative products by their magnitude. Just below ½, where units are half as large, 0 comes
    out either way.

    Parameters
    ----------
    binary32 : 1 bit
    floor : signed(FLOOR)
    after, tail, sticky
        The first bit after the point; the ``TAIL`` bits after that; whether any bit follows.
    later : function of a name and a value
        What it returns of half-way values is used; a cycle later, if that is.
    """
    magnitude = floor[: FLOOR - 1] ^ floor[-1].replicate(FLOOR - 1)
    bit = {i: tail[25 - i] for i in range(2, 26)}  # the i-th after the point
    reaches = {i: binary32 & magnitude[24 - i :].any() for i in range(16, 25)}
    reaches |= {15: Const(0, 1), 25: binary32}  # i >= n
    # Nearer than 2^-n, or below k + ½ just as near: bits up to the n-th go on as the nearest.
    near = [(bit[i] ^ after) | reaches[i - 1] for i in range(16, 26)]
    # Above k + ½: nothing comes after it but the n-th bit.
    alone = [~bit[i] | (reaches[i] & ~reaches[i - 1]) for i in range(16, 26)]
    pairs = range(0, 10, 2)
    is_near = Cat(later(f"near_{n}", near[n] & near[n + 1]) for n in pairs).all()
    is_alone = Cat(later(f"alone_{n}", alone[n] & alone[n + 1]) for n in pairs).all()
    same = later("same", Cat(bit[i] ^ after for i in range(2, 16)).all())
    is_near &= later("near", binary32)
    is_alone &= later("alone", after & ~sticky)
    return same & (is_near | is_alone)
