"""Launches the cocotb test of the operand buffer."""

import json

import pytest

from insitu.hdl.export import to_verilog
from insitu.hdl.operands.ring import Ring
from insitu.verification import simulators
from insitu.verification.bench.passed import at_night


@pytest.mark.parametrize(
    ("lanes", "bits", "depth", "target"),
    at_night(
        [
            (8, 8, 128, "generic"),
            (1, 9, 4, "generic"),
            (24, 3, 64, "generic"),
            (5, 8, 1024, "ecp5"),
            (3, 4, 8, "generic"),
            (12, 8, 64, "generic"),
            (20, 2, 32, "generic"),
            (64, 2, 32, "generic"),
            (4, 8, 4096, "ecp5"),
            (2, 3, 8192, "ecp5"),
        ],
        4,
    ),
)
def test_ring(lanes, bits, depth, target, tmp_path):
    """Also on block RAMs of ECP5, whose words are the narrower the more there are."""
    # Those of many lanes with a taker that is far away.
    ring = Ring(lanes, bits, depth, 3, 0, far=lanes > 8, target=target)
    text = to_verilog(ring, "ring", initial=False)
    build = simulators.build("verilator", "ring", text, fast=False)
    env = {"INSITU_RING": json.dumps([lanes, bits, depth])}
    simulators.run(build, "insitu.verification.operands.tb_ring", cwd=tmp_path, env=env)
