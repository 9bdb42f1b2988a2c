"""Launches the cocotb test of the counters."""

import pytest

from insitu.hdl.export import to_verilog
from insitu.hdl.shell.counters import Counters
from insitu.verification import simulators
from insitu.verification.shell.tb_counters import EVENTS


@pytest.mark.parametrize("target", ["generic", "ecp5"])
def test_counters(target, tmp_path):
    text = to_verilog(Counters(EVENTS, 3, target=target), "counters", initial=False)
    build = simulators.build("verilator", "counters", text, fast=False)
    simulators.run(build, "insitu.verification.shell.tb_counters", cwd=tmp_path, env={})
