"""Products for which one DSP is wide enough."""

from amaranth.hdl import Module, Signal

from ..targets.ecp5 import mult18

__all__ = ["PRODUCT_LATENCY", "product"]

PRODUCT_LATENCY = 3


def product(m: Module, a, b, name: str, target: str):
    """Exact product of factors that fit signed 18 bits, ``PRODUCT_LATENCY`` cycles later.

    ``ecp5`` instantiates a DSP with all its registers: a mapper puts none into an inferred one, and
    the DSPs are far from the logic around them.
    """
    if target == "ecp5":
        return mult18(m, a, b, name)
    value = a * b
    for n in range(PRODUCT_LATENCY):
        stage = Signal(value.shape(), name=f"{name}_{n}", reset_less=True)
        m.d.sync += stage.eq(value)
        value = stage
    return value
