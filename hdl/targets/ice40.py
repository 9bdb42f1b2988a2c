"""iCE40 UltraPlus: SB_MAC16, one 16×16 product or two 8×8."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Shape, Signal

from .multipliers import Multipliers

__all__ = ["ICE40Multipliers"]


class ICE40Multipliers(Multipliers):
    """One SB_MAC16 per two products where both operands fit 8 bits, else one per product.

    Input, multiplier and output registers of the DSP are used: latency 3. Signedness is that of
    the operand range; the halves of a DSP need not share an operand, so products pair in the order
    k, then column, and an odd one has a DSP for itself.
    """

    def elaborate(self, platform):
        m = Module()
        halves = self._config.halves
        products = [(c, k) for c in range(self._cols) for k in range(self._dot)]
        step = 2 if halves else 1
        for n in range(0, len(products), step):
            group = products[n : n + step]
            a = [self.a[k] for _, k in group]
            b = [self.b[c][k] for c, k in group]
            out = self._dsp(m, a, b, halves, f"dsp_{n}")
            for lane, (c, k) in enumerate(group):
                word = out[16 * lane : 16 * lane + 16] if halves else out
                m.d.comb += self.p[c][k].eq(word)
        return m

    def _dsp(self, m: Module, a, b, halves: bool, name: str):
        """One DSP, three cycles; returns its 32 output bits, lane 0 in the low half."""
        width = 8 if halves else 16
        lanes = {}
        for letter, values, operand in (
            ("A", a, self._config.a_operand),
            ("B", b, self._config.b_operand),
        ):
            wide = [
                Signal(Shape(width, operand.signed), name=f"{name}_{letter.lower()}_{lane}")
                for lane in range(len(values))
            ]
            m.d.comb += [w.eq(v) for w, v in zip(wide, values, strict=True)]
            lanes[letter] = Cat(*(w.as_unsigned() for w in wide), Const(0, 16 - width * len(wide)))
        out = Signal(32, name=f"{name}_o")
        zeros = "CI ACCUMCI SIGNEXTIN "
        zeros += "AHOLD BHOLD CHOLD DHOLD OHOLDTOP OHOLDBOT IRSTTOP IRSTBOT ORSTTOP ORSTBOT "
        zeros += "OLOADTOP OLOADBOT ADDSUBTOP ADDSUBBOT"
        # 8×8: both product registers, then the output registers (select 1) hold them through the
        # bypassed adder. 16×16: the pipeline register after the partial products and the output
        # register of the whole product (select 3).
        m.submodules[name] = Instance(
            "SB_MAC16",
            p_A_REG=Const(1, 1),
            p_B_REG=Const(1, 1),
            p_C_REG=Const(0, 1),
            p_D_REG=Const(0, 1),
            p_TOP_8x8_MULT_REG=Const(1, 1),
            p_BOT_8x8_MULT_REG=Const(1, 1),
            p_PIPELINE_16x16_MULT_REG1=Const(0 if halves else 1, 1),
            p_PIPELINE_16x16_MULT_REG2=Const(0 if halves else 1, 1),
            p_TOPOUTPUT_SELECT=Const(1 if halves else 3, 2),
            p_TOPADDSUB_LOWERINPUT=Const(1 if halves else 0, 2),
            p_TOPADDSUB_UPPERINPUT=Const(1 if halves else 0, 1),
            p_BOTOUTPUT_SELECT=Const(1 if halves else 3, 2),
            p_BOTADDSUB_LOWERINPUT=Const(1 if halves else 0, 2),
            p_BOTADDSUB_UPPERINPUT=Const(1 if halves else 0, 1),
            p_MODE_8x8=Const(halves, 1),
            p_A_SIGNED=Const(self._config.a_operand.signed, 1),
            p_B_SIGNED=Const(self._config.b_operand.signed, 1),
            i_CLK=ClockSignal(),
            i_CE=Const(1, 1),
            i_A=lanes["A"],
            i_B=lanes["B"],
            i_C=Const(0, 16),
            i_D=Const(0, 16),
            o_O=out,
            **{f"i_{pin}": Const(0, 1) for pin in zeros.split()},
        )
        return out
