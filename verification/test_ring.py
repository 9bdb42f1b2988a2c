"""Launches the cocotb test of the operand buffer."""

import json

import pytest

from hdl.engines.ring import Ring
from hdl.export import to_verilog

from . import simulators


@pytest.mark.parametrize(("width", "depth"), [(64, 128), (12, 8), (9, 4)])
def test_ring(width, depth, tmp_path):
    text = to_verilog(Ring(width, depth, 3, 0), "ring", initial=False)
    build = simulators.build("verilator", "ring", text, fast=False)
    env = {"INSITU_RING": json.dumps([width, depth])}
    simulators.run(build, "verification.tb_ring", cwd=tmp_path, env=env)
