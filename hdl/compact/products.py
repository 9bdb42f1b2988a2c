"""Products of a word of B with a word of each row of A, summed."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Shape, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith import AdderTree
from ..config.compact import CompactConfig
from ..config.fields import ceil_log2
from ..formats import Interval

__all__ = ["OFFSET", "Products"]

OFFSET = 1 << 7
"""What is added to signed elements of A, by inverting their top bit."""


class Products(wiring.Component):
    """``o[r] = -Σ_k a[r][k] · b[k]`` for the rows of A, eight elements of K per cycle.

    Elements of A come as 0 to 255. Signed ones have :data:`OFFSET` added, which is taken away
    again: a product is ``offset · b - a · b``. The adder after an 8×8 half of an SB_MAC16
    subtracts for nothing, so that all leave negated, unsigned ones with an offset of 0.

    Latency is :meth:`latency` cycles, a word per cycle; never stalls.

    Parameters
    ----------
    config : CompactConfig
        ``ice40`` instantiates an SB_MAC16 for each two products. Its product has no register of
        its own before the subtraction, as the offset would need one more as well.

    Members
    -------
    a : ``In(ArrayLayout(ArrayLayout(8, 8), rows))``
    b : ``In(ArrayLayout(signed(8), 8))``
    a_signed : In(1)
        Constant while words are under way.
    clear : In(1)
        Before that changes, while none are.
    o : ``Out(ArrayLayout(signed(dot_bits), rows))``
        From registers.
    """

    def __init__(self, config: CompactConfig):
        self._config = config
        dot, rows = config.array.dot, config.array.rows
        super().__init__(
            {
                "a": In(data.ArrayLayout(data.ArrayLayout(8, dot), rows)),
                "b": In(data.ArrayLayout(signed(8), dot)),
                "a_signed": In(1),
                "clear": In(1),
                "o": Out(data.ArrayLayout(signed(config.dot_bits), rows)),
            }
        )

    @staticmethod
    def latency(config: CompactConfig) -> int:
        """Cycles from ``a`` and ``b`` to ``o``."""
        return 2 + ceil_log2(config.array.dot)

    def elaborate(self, platform):
        m = Module()
        rows, dot = self._config.array.rows, self._config.array.dot
        ice40 = self._config.array.target == "ice40"
        pairs = [(r, k) for k in range(dot) for r in range(rows)]
        values: dict = {}
        for n in range(0, len(pairs), 2):
            group = pairs[n : n + 2]
            make = self._dsp if ice40 else self._plain
            values |= zip(group, make(m, group, f"dsp_{n // 2}"), strict=True)
        product = Interval(-OFFSET * 255, OFFSET * 255)
        for r in range(rows):
            m.submodules[f"tree_{r}"] = tree = AdderTree([product] * dot, product.sum(dot))
            m.d.comb += [tree.i[str(k)].eq(values[r, k]) for k in range(dot)]
            m.d.comb += self.o[r].eq(tree.o)
        return m

    def _plain(self, m: Module, group, name: str):
        """Two registers: operands and offset, then the difference."""
        found = []
        for lane, (r, k) in enumerate(group):
            a, b = Signal(8, name=f"{name}_a{lane}"), Signal(signed(8), name=f"{name}_b{lane}")
            out = Signal(signed(self._config.product_bits), name=f"{name}_o{lane}")
            m.d.sync += [a.eq(self.a[r][k]), b.eq(self.b[k])]
            m.d.sync += out.eq(b * Mux(self.a_signed, OFFSET, 0) - a * b)
            found.append(out)
        return found

    def _dsp(self, m: Module, group, name: str):
        """The same in one SB_MAC16: low half first."""
        low, high = group[0], group[-1]
        out = Signal(32, name=f"{name}_o")
        shape = Shape(16, True)
        offsets = []
        for lane, (_, k) in (("d", low), ("c", high)):
            offset = Signal(shape, name=f"{name}_{lane}")
            m.d.comb += offset.eq(self.b[k] << 7)
            offsets.append(offset)
        hold = Signal(name=f"{name}_hold")
        m.d.comb += hold.eq(~self.a_signed)
        zeros = "AHOLD BHOLD OHOLDTOP OHOLDBOT ORSTTOP ORSTBOT OLOADTOP OLOADBOT CI ACCUMCI "
        zeros += "SIGNEXTIN"
        pins = {f"i_{pin}": Const(0, 1) for pin in zeros.split()}
        pins |= {f"i_{pin}": Const(1, 1) for pin in ("CE", "ADDSUBTOP", "ADDSUBBOT")}
        pins |= {f"i_{pin}": self.clear for pin in ("IRSTTOP", "IRSTBOT")}
        flags = "A_REG B_REG C_REG D_REG MODE_8x8 B_SIGNED TOPADDSUB_UPPERINPUT "
        flags += "BOTADDSUB_UPPERINPUT"
        settings = {f"p_{flag}": Const(1, 1) for flag in flags.split()}
        off = "TOP_8x8_MULT_REG BOT_8x8_MULT_REG PIPELINE_16x16_MULT_REG1 "
        off += "PIPELINE_16x16_MULT_REG2 A_SIGNED"
        settings |= {f"p_{flag}": Const(0, 1) for flag in off.split()}
        # Outputs from their registers; C or D less the product.
        chosen = "TOPOUTPUT_SELECT BOTOUTPUT_SELECT TOPADDSUB_LOWERINPUT BOTADDSUB_LOWERINPUT"
        settings |= {f"p_{field}": Const(1, 2) for field in chosen.split()}
        m.submodules[name] = Instance(
            "SB_MAC16",
            **settings,
            **pins,
            i_CLK=ClockSignal(),
            i_A=Cat(self.a[low[0]][low[1]], self.a[high[0]][high[1]]),
            i_B=Cat(self.b[low[1]].as_unsigned(), self.b[high[1]].as_unsigned()),
            i_C=offsets[1].as_unsigned(),
            i_D=offsets[0].as_unsigned(),
            i_CHOLD=hold,
            i_DHOLD=hold,
            o_O=out,
        )
        return [out[:16].as_signed(), out[16:].as_signed()][: len(group)]
