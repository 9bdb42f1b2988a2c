"""Designs under test: Verilog text of one or several arrays in one module."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version as package_version

from amaranth.hdl import Elaboratable, Module

from hdl import yosys
from hdl.array import SystolicArray
from hdl.config import ArrayConfig
from hdl.export import Flat, lower, to_rtlil

from .simulators.shared import CACHE, ROOT, digest

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


@cache
def _sources() -> str:
    """All that the Verilog of an array depends on but its configuration."""
    folders = ("array", "arith", "config", "stream")
    files = sorted(ROOT.glob("hdl/*.py"))
    files += sorted(path for name in folders for path in ROOT.glob(f"hdl/{name}/*.py"))
    tools = [package_version("amaranth"), yosys.version()]
    return digest(*tools, *(path.read_text() for path in files))


def arrays_verilog(configs: Sequence[ArrayConfig]) -> str:
    """Module ``arrays`` with one array per configuration; written once, then kept."""
    fields = json.dumps([asdict(config) for config in configs])
    path = CACHE / "verilog" / f"arrays-{digest(_sources(), fields)}.v"
    if not path.is_file():
        bundle = Bundle([SystolicArray(config) for config in configs])
        text = lower(to_rtlil(bundle, "arrays"), initial=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text(text)
        scratch.rename(path)
    return path.read_text()
