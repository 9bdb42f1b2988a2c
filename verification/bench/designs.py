"""Designs under test: Verilog text of one or several arrays in one module."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path

from amaranth.hdl import Elaboratable, Module

from insitu.hdl.array import SystolicArray
from insitu.hdl.cim import CimTile
from insitu.hdl.config import ArrayConfig, Config, NearConfig
from insitu.hdl.config.cim import CimConfig
from insitu.hdl.config.plugins import plugin_files
from insitu.hdl.export import Flat, lower, to_rtlil, yosys
from insitu.hdl.machines import machine
from insitu.hdl.near import NearCore
from insitu.hdl.support.files import contents, digest, kept
from insitu.hdl.support.imports import sources

from ..simulators.shared import CACHE

__all__ = [
    "Bundle",
    "arrays_verilog",
    "cims_verilog",
    "machine_verilog",
    "near_verilog",
]


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
def _sources(*modules: str) -> str:
    """All that the Verilog of a design of ``modules`` depends on but its configuration."""
    tools = [package_version("amaranth"), yosys.version()]
    return digest(
        *tools, *contents([Path(__file__), *sources("insitu.hdl.export.verilog", *modules)])
    )


def _kept(name: str, key: str, make: Callable[[], str]) -> str:
    """Verilog that ``make`` gives, written once."""
    path = CACHE / "verilog" / f"{name}-{key}"
    made = kept(path, lambda scratch: (scratch / "out.v").write_text(make(), encoding="utf-8"))
    return (made / "out.v").read_text(encoding="utf-8")


def arrays_verilog(configs: Sequence[ArrayConfig]) -> str:
    """Module ``arrays`` with one array per configuration."""
    fields = json.dumps([asdict(config) for config in configs])

    def make() -> str:
        bundle = Bundle([SystolicArray(config) for config in configs])
        return lower(to_rtlil(bundle, "arrays"), initial=False)

    return _kept("arrays", digest(_sources("insitu.hdl.array"), fields), make)


def cims_verilog(configs: Sequence[CimConfig]) -> str:
    """Module ``cims`` with one compute-in-memory tile per configuration."""
    fields = json.dumps([asdict(config) for config in configs])

    def make() -> str:
        bundle = Bundle([CimTile(config) for config in configs])
        return lower(to_rtlil(bundle, "cims"), initial=False)

    return _kept("cims", digest(_sources("insitu.hdl.cim"), fields), make)


def near_verilog(configs: Sequence[NearConfig]) -> str:
    """Module ``near`` with one core per configuration."""
    fields = json.dumps([(config.table, asdict(config)) for config in configs])

    def make() -> str:
        bundle = Bundle([NearCore(config) for config in configs])
        return lower(to_rtlil(bundle, "near"), initial=False)

    return _kept("near", digest(_sources("insitu.hdl.near"), fields), make)


def machine_verilog(config: Config) -> str:
    """Module ``gemm``: the machine of ``config``."""

    def make() -> str:
        return lower(to_rtlil(Flat(machine(config)), "gemm"), initial=False)

    # An engine from elsewhere is not among what this project imports.
    own = contents(plugin_files(".py"))
    fields = f"{config.core.table} {json.dumps(asdict(config))}"
    return _kept("gemm", digest(_sources("insitu.hdl.machines"), *own, fields), make)
