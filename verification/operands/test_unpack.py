"""Launches the cocotb test of unpacking."""

import json

import pytest

from insitu.hdl.export import to_verilog
from insitu.hdl.operands.unpack import Unpack
from insitu.verification import simulators
from insitu.verification.bench.passed import at_night


@pytest.mark.parametrize(
    ("bits", "taken", "given"),
    at_night([(8, 8, 12), (4, 16, 8), (8, 4, 16), (8, 8, 8), (8, 8, 7), (8, 8, 1)], 3),
)
def test_unpack(bits, taken, given, tmp_path):
    text = to_verilog(Unpack(bits, taken, given), "unpack", initial=False)
    build = simulators.build("verilator", "unpack", text, fast=False)
    env = {"INSITU_UNPACK": json.dumps([bits, taken, given])}
    simulators.run(build, "insitu.verification.operands.tb_unpack", cwd=tmp_path, env=env)
