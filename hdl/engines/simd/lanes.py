"""Lanes that multiply one activation by a vector, and the registers of their sums."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ...arith import AdderTree, DotProduct
from ...config import SimdConfig
from ...formats import Interval
from ...stream import Delay

__all__ = ["Lanes", "issue_layout"]


def issue_layout(config: SimdConfig) -> data.StructLayout:
    """An activation and a vector of weights as they are stored, with their zero points.

    ``at``: register of their sums, from 0; ``first``: these begin with it; ``last``: they are
    complete with it, and given.
    """
    fields = {
        "a": config.a.bits,
        "b": data.ArrayLayout(config.b.bits, config.cols),
        "at": range(config.rm * config.rn),
        "first": 1,
        "last": 1,
    }
    for x, fmt in (("a", config.a), ("b", config.b)):
        fields |= {f"{x}_zero": fmt.bits, f"{x}_signed": 1}
    return data.StructLayout(fields)


class Lanes(wiring.Component):
    """``cols`` lanes: ``sums[at] += (a - a_zero) · (b[lane] - b_zero)``, in every lane.

    One issue per cycle, never stalls. Sums wrap modulo 2 to ``acc_bits``; those of a lane are in a
    register file of ``rm · rn`` words, read, added to and written in one cycle. Without
    ``zero_points`` signedness is that of the formats, and zero points are 0.

    Parameters
    ----------
    config : SimdConfig

    Members
    -------
    valid, i : In(1), In(issue_layout(config))
    o_valid, o : Out(1), ``Out(ArrayLayout(signed(acc_bits), cols))``
        The sums of an issue with ``last``, ``config.sums_latency`` cycles later. Registers.
    nonzero : Out(range(cols + 1))
        Products of an issue neither of whose operands is its zero point, ``config.count_latency``
        cycles later, or 0; so many cycles after a reset it means nothing.
    """

    def __init__(self, config: SimdConfig):
        self._config = config
        super().__init__(
            {
                "valid": In(1),
                "i": In(issue_layout(config)),
                "o_valid": Out(1),
                "o": Out(data.ArrayLayout(signed(config.acc_bits), config.cols)),
                "nonzero": Out(range(config.cols + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, cols = self._config, self._config.cols

        # Two registers: as they were stored, then as they are multiplied.
        taken = Signal(issue_layout(config), reset_less=True)
        m.d.sync += taken.eq(self.i)
        a = Signal(config.a_operand.shape, reset_less=True)
        b = [Signal(config.b_operand.shape, name=f"b_{n}", reset_less=True) for n in range(cols)]

        def operand(x: str, value):
            if not config.zero_points:
                return value.as_signed() if getattr(config, x).signed else value
            # With the top bit turned where there is a sign, both are unsigned.
            sign, zero = taken[f"{x}_signed"], taken[f"{x}_zero"]
            return Cat(value[:-1], value[-1] ^ sign) - Cat(zero[:-1], zero[-1] ^ sign)

        m.d.sync += a.eq(operand("a", taken.a))
        m.d.sync += [b[n].eq(operand("b", taken.b[n])) for n in range(cols)]

        # Flags and place, until the products are there.
        control = Cat(self.valid, self.i.first, self.i.last, self.i.at)
        m.submodules.control = late = Delay(len(control), config.sums_latency - 1, reset=True)
        m.d.comb += late.i.eq(control)
        valid, first, last, at = late.o[0], late.o[1], late.o[2], late.o[3:]

        group = config.col_group
        for start in range(0, cols, group):
            lanes = range(start, min(start + group, cols))
            m.submodules[f"dot_{start}"] = dot = DotProduct(config, len(lanes))
            m.d.comb += dot.a[0].eq(a)
            for n, lane in enumerate(lanes):
                m.d.comb += dot.b[n][0].eq(b[lane])
                total = self._sum(m, lane, dot.o[n], first, at, valid)
                m.d.sync += self.o[lane].eq(total)
        m.d.sync += self.o_valid.eq(valid & last)
        self._count(m, taken)
        return m

    def _sum(self, m: Module, lane: int, term, first, at, writes) -> Signal:
        """The sum of a lane with ``term`` in it, which is kept where ``writes``."""
        config = self._config
        held = Signal(signed(config.acc_bits), name=f"held_{lane}", reset_less=True)
        total = Signal(signed(config.acc_bits), name=f"total_{lane}")
        m.d.comb += total.eq(term + Mux(first, 0, held))
        depth = config.rm * config.rn
        if depth == 1:
            with m.If(writes):
                m.d.sync += held.eq(total)
            return total
        file = memory.Memory(shape=signed(config.acc_bits), depth=depth, init=[])
        m.submodules[f"file_{lane}"] = file
        write, read = file.write_port(), file.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(writes),
            write.addr.eq(at),
            write.data.eq(total),
            read.addr.eq(at),
            held.eq(read.data),
        ]
        return total

    def _count(self, m: Module, taken) -> None:
        """Products of an issue that move something."""
        cols = self._config.cols
        is_taken, moves = Signal(), Signal(cols)
        m.d.sync += is_taken.eq(self.valid)
        a_moves = is_taken & (taken.a != taken.a_zero)
        m.d.sync += moves.eq(Mux(a_moves, Cat(x != taken.b_zero for x in taken.b), 0))
        m.submodules.tree = tree = AdderTree([Interval(0, 1)] * cols, Interval(0, cols))
        m.d.comb += [tree.i[str(n)].eq(moves[n]) for n in range(cols)]
        m.d.comb += self.nonzero.eq(tree.o)
