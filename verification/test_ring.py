"""Launches the cocotb test of the operand buffer."""

import json

import pytest

from hdl.engines.ring import Ring
from hdl.export import to_verilog

from . import simulators


@pytest.mark.parametrize(
    ("width", "depth", "target"),
    [(64, 128, "generic"), (12, 8, "generic"), (9, 4, "generic"), (40, 1024, "ecp5")],
)
def test_ring(width, depth, target, tmp_path):
    """The last one on block RAMs of ECP5, in two banks."""
    text = to_verilog(Ring(width, depth, 3, 0, target=target), "ring", initial=False)
    build = simulators.build("verilator", "ring", text, fast=False)
    env = {"INSITU_RING": json.dumps([width, depth])}
    simulators.run(build, "verification.tb_ring", cwd=tmp_path, env=env)
