"""Launches the cocotb tests of binary32 units."""

from collections.abc import Callable
from functools import partial

import pytest
from amaranth.lib import wiring

from insitu.hdl.arith.floats import Adder, Narrow, Rounder
from insitu.hdl.export import to_verilog
from insitu.hdl.formats import FLOAT_FORMATS
from insitu.hdl.shell.finishing.exact import NARROW
from insitu.verification import simulators

from .tb_floats import SHAPES

UNITS: dict[str, Callable[[], wiring.Component]] = {
    "adder": Adder,
    "narrow": lambda: Narrow([FLOAT_FORMATS[name] for name in NARROW]),
    **{f"rounder-{name}": partial(Rounder, *shape) for name, shape in SHAPES.items()},
}


@pytest.mark.parametrize("name", UNITS)
def test_unit(name, tmp_path):
    text = to_verilog(UNITS[name](), name.split("-")[0], initial=False)
    build = simulators.build("verilator", name.split("-")[0], text, fast=False)
    tests = [name.split("-")[0]]
    simulators.run(build, "insitu.verification.arith.tb_floats", cwd=tmp_path, tests=tests)
