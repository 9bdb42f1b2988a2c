"""Values some cycles later."""

from amaranth.hdl import Module, Signal

__all__ = ["late", "register"]


def register(m: Module, name: str, value) -> Signal:
    """``value`` a cycle later."""
    out = Signal(value.shape(), name=name, reset_less=True)
    m.d.sync += out.eq(value)
    return out


def late(m: Module, name: str, value, cycles: int) -> Signal:
    """``value`` so many cycles later."""
    for n in range(cycles):
        value = register(m, f"{name}_{n}", value)
    return value
