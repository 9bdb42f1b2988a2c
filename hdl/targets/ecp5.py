"""ECP5: MULT18X18D with all its registers, and LUT structures that Yosys does not find."""

from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, Value, signed

from .multipliers import Multipliers

__all__ = ["ECP5Multipliers", "accumulate", "lut_adder", "mult18", "select_of_four"]


class ECP5Multipliers(Multipliers):
    """One MULT18X18D per product, or per two where ``config.pack_shift`` allows.

    Input, pipeline and output registers of the DSP are used and one register in the fabric follows,
    which lets the placer bridge the way from the DSP row to the adders: latency 4.

    Two weights w1, w0 that meet the same activation are packed as ``w1·2^s + w0``. The low ``s``
    bits of the product are ``a·w0``; when that is negative it has borrowed one from ``a·w1``,
    which the fabric register's adder gives back.
    """

    def elaborate(self, platform):
        m = Module()
        shift = self._config.pack_shift
        product = self._config.product.shape
        for k in range(self._dot):
            for c in range(0, self._cols, 1 if shift is None else 2):
                name = f"{c}_{k}"
                if shift is None or c + 1 == self._cols:
                    values = [mult18(m, self.a[k], self.b[c][k], name)]
                else:
                    packed = (self.b[c + 1][k] << shift) + self.b[c][k]
                    both = mult18(m, self.a[k], packed, name)
                    low = both[:shift].as_signed() if product.signed else both[:shift]
                    borrow = both[shift - 1] if product.signed else 0
                    values = [low, (both >> shift) + borrow]
                for n, value in enumerate(values):
                    out = self.pipeline(m, value, product, 1, f"p_{c + n}_{k}")
                    m.d.comb += self.p[c + n][k].eq(out)
        return m


def mult18(m: Module, a, b, name: str):
    """One MULT18X18D: the 36-bit product of signed operands of 18 bits, three cycles later."""
    wide_a, wide_b = Signal(signed(18), name=f"a_{name}"), Signal(signed(18), name=f"b_{name}")
    product = Signal(signed(36), name=f"dsp_{name}")
    m.d.comb += [wide_a.eq(a), wide_b.eq(b)]
    pins: dict[str, object] = {}
    for n in range(18):
        pins |= {f"i_A{n}": wide_a[n], f"i_B{n}": wide_b[n], f"i_C{n}": Const(0, 1)}
    pins |= {f"o_P{n}": product[n] for n in range(36)}
    pins |= {f"i_CLK{n}": ClockSignal() if n == 0 else Const(0, 1) for n in range(4)}
    pins |= {f"i_CE{n}": Const(n == 0, 1) for n in range(4)}
    pins |= {f"i_RST{n}": Const(0, 1) for n in range(4)}
    m.submodules[f"dsp_{name}"] = Instance(
        "MULT18X18D",
        p_REG_INPUTA_CLK="CLK0",
        p_REG_INPUTB_CLK="CLK0",
        p_REG_PIPELINE_CLK="CLK0",
        p_REG_OUTPUT_CLK="CLK0",
        p_GSR="DISABLED",
        i_SIGNEDA=Const(1, 1),
        i_SIGNEDB=Const(1, 1),
        i_SOURCEA=Const(0, 1),
        i_SOURCEB=Const(0, 1),
        **pins,
    )
    return product


def accumulate(m: Module, first, x, total, name: str = "ccu"):
    """Drive and return ``x`` where ``first``, else ``total + x``: one CCU2C per two bits.

    The gate that drops ``total`` is inside the adder's own LUT, where Yosys does not put it: with
    A = x, B = total, C = first, D = 1 the LUT gives ``x ^ (total & ~first)`` and, where that is 0,
    carries x.
    """
    width = len(total)
    result = Signal.like(total, name=f"{name}_next")
    wide = Signal(signed(width), name=f"{name}_x")
    m.d.comb += wide.eq(x)
    lut_adder(m, name, 0xA6AA, result, lambda n: (wide[n], total[n], first, Const(1, 1)))
    return result


def lut_adder(m: Module, name: str, init: int, result, pins) -> None:
    """Drive ``result`` from a chain of CCU2C, whose LUTs have inputs A, B, C, D: ``pins(bit)``.

    A bit is the LUT's output, of ``init``, and the carry's exclusive or; where the LUT gives 0, it
    carries what it gives for A and B with C = D = 0.
    """
    carry: Value = Const(0, 1)
    for n in range(0, len(result), 2):
        carry_out = Signal(name=f"{name}_carry_{n}")
        a0, b0, c0, d0 = pins(n)
        a1, b1, c1, d1 = Const(0, 1), Const(0, 1), c0, d0
        sums = {"o_S0": result[n]}
        if n + 1 < len(result):
            a1, b1, c1, d1 = pins(n + 1)
            sums["o_S1"] = result[n + 1]
        m.submodules[f"{name}_{n}"] = Instance(
            "CCU2C",
            p_INIT0=Const(init, 16),
            p_INIT1=Const(init, 16),
            p_INJECT1_0="NO",
            p_INJECT1_1="NO",
            i_CIN=carry,
            i_C0=c0,
            i_C1=c1,
            i_D0=d0,
            i_D1=d1,
            o_COUT=carry_out,
            i_A0=a0,
            i_B0=b0,
            i_A1=a1,
            i_B1=b1,
            **sums,
        )
        carry = carry_out


def select_of_four(m: Module, select, words, name: str):
    """``words[select]`` of three or four words: two LUT4 and a PFUMX per bit.

    Both LUTs choose by the low bit of ``select``, the PFUMX between them by the next. As a function
    of six inputs Yosys maps it to three LUTs: its wide LUTs share their inputs, these do not.
    """
    width = len(words[0])
    chosen = Signal(width, name=name)
    for bit in range(width):
        half = []
        for n in (0, 2):
            low, high = words[n][bit], words[n + 1][bit] if n + 1 < len(words) else Const(0, 1)
            half.append(Signal(name=f"{name}_{n}_{bit}"))
            m.submodules[f"{name}_lut_{n}_{bit}"] = Instance(
                "LUT4",
                p_INIT=Const(0xCACA, 16),
                i_A=low,
                i_B=high,
                i_C=select[0],
                i_D=Const(0, 1),
                o_Z=half[-1],
            )
        m.submodules[f"{name}_mux_{bit}"] = Instance(
            "PFUMX", i_BLUT=half[0], i_ALUT=half[1], i_C0=select[1], o_Z=chosen[bit]
        )
    return chosen
