"""Designs under test: Verilog text of one or several arrays in one module."""

from collections.abc import Sequence

from amaranth.hdl import Elaboratable, Module

from hdl.array import SystolicArray
from hdl.config import ArrayConfig
from hdl.export import Flat, lower, to_rtlil

__all__ = ["Bundle", "arrays_verilog"]


class Bundle(Elaboratable):
    """Several components side by side, so that they share one simulator build.

    The n-th one's ports begin with ``u<n>_``; ``clk`` and ``rst`` are common.
    """

    def __init__(self, components: Sequence) -> None:
        self._parts = [Flat(part, f"u{n}_") for n, part in enumerate(components)]
        self.ports = {name: port for part in self._parts for name, port in part.ports.items()}

    def elaborate(self, platform):
        m = Module()
        for n, part in enumerate(self._parts):
            m.submodules[f"u{n}"] = part
        return m


def arrays_verilog(configs: Sequence[ArrayConfig]) -> str:
    """Module ``arrays`` with one array per configuration."""
    return lower(
        to_rtlil(Bundle([SystolicArray(config) for config in configs]), "arrays"), initial=False
    )
