"""Launches the cocotb test of the counters."""

import pytest

from hdl.export import to_verilog
from hdl.machine.counters import Counters

from . import simulators
from .tb_counters import EVENTS


@pytest.mark.parametrize("target", ["generic", "ecp5"])
def test_counters(target, tmp_path):
    text = to_verilog(Counters(EVENTS, 3, target=target), "counters", initial=False)
    build = simulators.build("verilator", "counters", text, fast=False)
    simulators.run(build, "verification.tb_counters", cwd=tmp_path, env={})
