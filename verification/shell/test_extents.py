"""Launches the cocotb test of the checks of spans, for each kind of operand and width of bus."""

import pytest

from insitu.hdl.config import load
from insitu.hdl.export import to_verilog
from insitu.hdl.shell.extents import Extents
from insitu.verification import simulators
from insitu.verification.bench.passed import at_night


@pytest.mark.parametrize("name", at_night(["ws-tiny", "simd-tiny", "cim-tiny"], 2))
def test_extents(name, tmp_path):
    text = to_verilog(Extents(load(name, "generic").shell), "extents", initial=False)
    build = simulators.build("verilator", "extents", text, fast=False)
    env = {"INSITU_CONFIG": name, "INSITU_ROUNDS": "4000"}
    simulators.run(build, "insitu.verification.shell.tb_extents", cwd=tmp_path, env=env)
