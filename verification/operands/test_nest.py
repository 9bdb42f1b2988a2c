"""Launches the cocotb test of loop nests."""

import json

import pytest

from insitu.hdl.export import to_verilog
from insitu.hdl.operands.nest import Nest
from insitu.verification import simulators
from insitu.verification.bench.passed import at_night


@pytest.mark.parametrize(
    ("levels", "count_bits", "bits"),
    at_night([(1, 3, [9]), (2, 4, [1, 32, 7]), (4, 8, [12, 5]), (3, 1, [4])], 2),
)
def test_nest(levels, count_bits, bits, tmp_path):
    values = {f"v{n}": width for n, width in enumerate(bits)}
    text = to_verilog(Nest(levels, count_bits, values), "nest", initial=False)
    build = simulators.build("verilator", "nest", text, fast=False)
    env = {"INSITU_NEST": json.dumps([levels, count_bits, bits])}
    simulators.run(build, "insitu.verification.operands.tb_nest", cwd=tmp_path, env=env)
