"""A column of the tile: trees over its slices, readout, and the sum over planes."""

from amaranth.hdl import Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.tree import AdderTree
from ..config.cim import CimConfig
from ..formats import Interval
from ..stream import Delay
from ..targets.ecp5 import lut_adder
from .gates import GatedTree

__all__ = ["Column"]


class Column(wiring.Component):
    """``Σ ±2^index · Σ plane[row] · w[row]`` over the planes of a vector, the highest first.

    Parameters
    ----------
    config : CimConfig

    Members
    -------
    plane, w : In(rows), In(ArrayLayout(weight bits, rows))
        A plane and the weights that it meets.
    index : In
        With ``config.skip``: the plane's bit, three cycles before ``total`` has it. Without it
        each plane is the next lower one of its vector.
    valid, first, negate : In(1)
        There is a plane; it is the vector's first; it is subtracted, which only a first one may be.
        The cycle before ``total`` has it.
    total : Out(config.out.shape)
        Sum of the planes so far, ``config.column_latency`` cycles after ``plane``.
    """

    def __init__(self, config: CimConfig):
        self._config = config
        super().__init__(
            {
                "plane": In(config.rows),
                "w": In(data.ArrayLayout(unsigned(config.weight.bits), config.rows)),
                "index": In(range(config.act_bits)),
                "valid": In(1),
                "first": In(1),
                "negate": In(1),
                "total": Out(config.out.shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        total = Signal(config.out.shape, reset_less=True)
        m.d.comb += self.total.eq(total)
        x = Signal(config.out.shape)
        parts = [self._slice(m, n) for n in range(config.slices)]
        values = [
            Interval(-v.hi, -v.lo) if config.subtracts(n) else v
            for n, v in enumerate(config.slice_sum)
        ]
        places = [n * config.slice_width for n in range(config.slices)]
        scaled = [Interval(v.lo << p, v.hi << p) for v, p in zip(values, places, strict=True)]
        m.submodules.slices = tree = AdderTree(scaled, config.plane)
        for n, part in enumerate(parts):
            value = -part if config.subtracts(n) else part
            m.d.comb += tree.i[str(n)].eq(value << places[n])
        if config.skip:
            # To its place in two cycles: by up to three bits, then by multiples of four.
            some = Signal(config.out.shape, name="some", reset_less=True)
            shifted = Signal(config.out.shape, name="shifted", reset_less=True)
            fours = Signal(len(self.index[2:]), name="fours", reset_less=True)
            m.d.sync += [some.eq(tree.o << self.index[:2]), fours.eq(self.index[2:])]
            m.d.sync += shifted.eq(some << (fours << 2))
            m.d.comb += x.eq(shifted)
        else:
            m.d.comb += x.eq(tree.o)
        with m.If(self.valid):
            m.d.sync += total.eq(self._added(m, x, total))
        return m

    def _slice(self, m: Module, n: int):
        """Sum of slice ``n`` of the weights that the plane lets through, as it is read out."""
        config = self._config
        values, width = config.slice_values(n), config.slice_width
        read, start = [], 0
        for group, rows in enumerate(config.groups):
            m.submodules[f"slice_{n}_{group}"] = tree = GatedTree(config, values, rows)
            m.d.comb += tree.gates.eq(self.plane[start : start + rows])
            for row in range(rows):
                bits = self.w[start + row][n * width : (n + 1) * width]
                m.d.comb += tree.w[row].eq(bits.as_signed() if values.signed else bits)
            # A smaller group's sum waits for the others.
            spare = config.tree_latency(max(config.groups)) - config.tree_latency(rows)
            m.submodules[f"wait_{n}_{group}"] = late = Delay(tree.sum.shape(), spare)
            m.d.comb += late.i.eq(tree.sum)
            value = late.o
            if config.adc_bits:
                value = self._converted(m, n, group, late.o)
            read.append((value, config.read_values(n, rows)))
            start += rows
        if not config.adc_bits:
            return read[0][0]
        m.submodules[f"groups_{n}"] = sums = AdderTree([v for _, v in read], config.slice_sum[n])
        m.d.comb += [sums.i[str(k)].eq(value) for k, (value, _) in enumerate(read)]
        return sums.o

    def _converted(self, m: Module, n: int, group: int, value):
        """What the converter makes of a count: clipped, rounded to its step, halves up."""
        config = self._config
        rows, shift = config.groups[group], config.adc_shift
        clipped = Mux(value > config.clip, config.clip, value) if rows > config.clip else value
        code = (clipped + ((1 << shift) >> 1)) >> shift
        out = Signal(config.read_values(n, rows).shape, name=f"code_{n}_{group}", reset_less=True)
        m.d.sync += out.eq(code << shift)
        return out

    def _added(self, m: Module, x, total):
        """``total``, doubled without ``skip`` and dropped where ``first``, plus or minus ``x``."""
        config = self._config
        before = total if config.skip else (total << 1)[: len(total)]
        if config.target != "ecp5":
            added = Mux(self.negate, ~x, x) + self.negate
            return Mux(self.first, 0, before) + added
        # (A ^ B) ^ (C & ~D), and A ^ B carried: the sign's one to add stands in the lowest bit,
        # where nothing is added to when it is needed.
        result = Signal.like(total, name="added")
        low = Mux(self.first, self.negate, total[0]) if config.skip else self.negate
        drop = self.first
        lut_adder(
            m, "adder", 0x6696, result,
            lambda n: (x[n], self.negate, *((before[n], drop) if n else (low, Const(0, 1)))),
        )  # fmt: skip
        return result
