"""Quotients and products by constants, for every value of some widths."""

import random
from collections.abc import Sequence

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from insitu.hdl.arith.divide import ceil_div_by, is_multiple, scaled, times

DIVISORS = [*range(1, 34), 40, 48, 96, 120, 144, 255, 384]


@pytest.mark.parametrize("bits", [1, 4, 11, 13, 16])
def test_constants(bits):
    values: Sequence[int] = range(1 << bits)
    if bits > 11:
        rng = random.Random(bits)
        near = [d * n + x for d in DIVISORS for n in (1, 63, 64, 127, 170) for x in (-1, 0, 1)]
        values = sorted({*near, *rng.sample(values, 200), values[-2], values[-1]} & {*values})
    m = Module()
    value, factor = Signal(bits), Signal(3)
    found = {}
    for d in DIVISORS:
        for name, result, exact in (
            ("quotient", ceil_div_by(value, d), lambda v, d=d: -(-v // d)),
            ("multiple", is_multiple(value, d), lambda v, d=d: v % d == 0),
            ("product", scaled(value, d), lambda v, d=d: v * d),
        ):
            found[name, d] = Signal(len(result)), exact
            m.d.comb += found[name, d][0].eq(result)
    product = times(value, factor)
    simulator = Simulator(m)

    async def bench(ctx):
        for v in values:
            ctx.set(value, v)
            ctx.set(factor, v % 8)
            for (name, d), (signal, exact) in found.items():
                assert ctx.get(signal) == exact(v), (name, d, v)
            assert ctx.get(product) == v * (v % 8)

    simulator.add_testbench(bench)
    simulator.run()


def test_refuses():
    for bits, divisor in ((17, 3), (8, 0)):
        for function in (ceil_div_by, is_multiple):
            with pytest.raises(ValueError, match="must be 1 to 16 bits"):
                function(Signal(bits), divisor)
