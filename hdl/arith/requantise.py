"""Requantiser: 32-bit sums to 8-bit elements, exactly, with one rounding."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .compare import is_less
from .product import product as multiply

__all__ = ["Requantise"]

LIMB = 17  # bits of the low limb of each factor: one less than a signed DSP operand has


class Requantise(wiring.Component):
    """``y = clamp(zero + round_half_even(acc · multiplier · 2^-shift), lo, hi)``.

    The product is exact and rounded once: :func:`insitu.sim_models.golden.requantise` bit for bit.
    Only the bits that an 8-bit result can depend on are shifted; the others are reduced to
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
                "zero": small,
                "lo": small,
                "hi": small,
                "y": Out(signed(9)),
            }
        )

    def elaborate(self, platform):
        m = Module()

        def register(name: str, value, shape=None):
            out = Signal(shape if shape is not None else value.shape(), name=name, reset_less=True)
            m.d.sync += out.eq(value)
            return out

        def late(name: str, value, cycles: int):
            for n in range(cycles):
                value = register(f"{name}_{n}", value)
            return value

        # Cycles 0 to 6: the product from four limb products; DSPs may be far from the adder.
        low_a, high_a = self.acc[:LIMB], self.acc[LIMB:].as_signed()
        low_m, high_m = self.multiplier[:LIMB], self.multiplier[LIMB:]
        low = multiply(m, low_a, low_m, "low", self._target)
        across = multiply(m, low_a, high_m, "across", self._target)
        down = multiply(m, high_a, low_m, "down", self._target)
        high = multiply(m, high_a, high_m, "high", self._target)
        middle = register("middle", register("across", across) + register("down", down))
        outer = late("outer", Cat(low[: 2 * LIMB], high[: 57 - 2 * LIMB]).as_signed(), 2)
        product = Signal(signed(57), reset_less=True)
        m.d.sync += product.eq(outer + (middle << LIMB))

        # Places to drop but one: 0 to 56. Beyond that everything rounds to 0; a scale of 2^23 and
        # more takes all but 0 out of range.
        shift = register("shift_in", self.shift)
        nonzero = register("nonzero", self.acc != 0)
        places = Signal(unsigned(6))
        m.d.comb += places.eq(Mux(shift > 57, 56, Mux(shift < 1, 0, shift - 1)))
        amount = late("places", places, 5)
        huge = late("huge", (shift < 1) & nonzero, 5)

        # Cycles 6 to 10: places dropped by 16, by 4, by 1, down to ten bits of the floor and the
        # bit after it. What leaves below is collected in `sticky`; above, bits unlike the sign
        # count.
        # The first step drops most, so that it takes a cycle to look at what leaves.
        value, sign = product, product[-1]
        sticky, over = None, huge
        for step, width in ((16, 26), (4, 14), (1, 11)):
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
                lost = [register(f"lost_{n}", bit) for n, bit in enumerate(lost)]
                beyond = [register(f"beyond_{n}", bit) for n, bit in enumerate(beyond)]
                choices = [register(f"choice_{n}", bits) for n, bits in enumerate(choices)]
                sign, amount = register("sign", sign), register("places_in", amount)
                over = register("huge_in", over)
            chosen = Cat(amount.bit_select(2 * (step.bit_length() // 2), 2))
            name = f"by_{step}"

            def pick(options, chosen=chosen):
                return Mux(
                    chosen[1],
                    Mux(chosen[0], options[3], options[2]),
                    Mux(chosen[0], options[1], options[0]),
                )

            dropped = pick(lost)
            sticky = register(f"{name}_sticky", dropped if sticky is None else sticky | dropped)
            over = register(f"{name}_over", over | pick(beyond))
            value = register(name, pick(choices))
            sign = register(f"{name}_sign", sign)
            amount = register(f"{name}_places", amount)

        # Cycles 10 to 13: rounding, zero point, bounds; out of range is further out
        # than any bound.
        floor = value[1:].as_signed()
        up = value[0] & (sticky | floor[0])
        rounded = register("rounded", Mux(over, Mux(sign, -512, 511), floor + up))
        moved = register("moved", rounded + self.zero)
        below = register("below", is_less(m, "low", moved, self.lo))
        above = register("above", is_less(m, "high", self.hi, moved))
        kept = register("kept", moved)
        m.d.sync += self.y.eq(Mux(below, self.lo, Mux(above, self.hi, kept)))
        return m
