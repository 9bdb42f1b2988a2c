"""Launches the cocotb test of the checks of spans, for each kind of operand and width of bus."""

import pytest

from hdl.config import load
from hdl.export import to_verilog
from hdl.machine.extents import Extents

from . import simulators


@pytest.mark.parametrize("name", ["ws-tiny", "cim-tiny", "simd-tiny"])
def test_extents(name, tmp_path):
    text = to_verilog(Extents(load(name, "generic").shell), "extents", initial=False)
    build = simulators.build("verilator", "extents", text, fast=False)
    env = {"INSITU_CONFIG": name, "INSITU_ROUNDS": "4000"}
    simulators.run(build, "verification.tb_extents", cwd=tmp_path, env=env)
