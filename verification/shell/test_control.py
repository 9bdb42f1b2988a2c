"""Launches the cocotb tests of the control port."""

import pytest

from insitu.hdl.export import to_verilog
from insitu.hdl.shell import Control
from insitu.verification import simulators
from insitu.verification.bench.passed import at_night


@pytest.mark.parametrize(
    ("queue", "target"), at_night([(4, "generic"), (14, "ecp5"), (1, "generic")], 2)
)
def test_control(queue, target, tmp_path):
    constants: dict[str, int | dict[str, int]] = {
        "config_hash": 0xDEADBEEF,
        "geometry": {"rows": 8, "cols": 256, "dot": 1},
    }
    text = to_verilog(Control(constants, queue, target=target), "control", initial=False)
    build = simulators.build("verilator", "control", text, fast=False)
    env = {"INSITU_QUEUE": str(queue)}
    simulators.run(build, "insitu.verification.shell.tb_control", cwd=tmp_path, env=env)
