"""Launches the cocotb test of the requantiser."""

import pytest

from insitu.hdl.arith.requantise import Requantise
from insitu.hdl.export import to_verilog
from insitu.verification import simulators


@pytest.mark.parametrize("target", ["generic", "ecp5"])
def test_requantise(target, tmp_path):
    text = to_verilog(Requantise(target=target), "requantise", initial=False)
    build = simulators.build("verilator", "requantise", text, fast=False)
    simulators.run(build, "insitu.verification.arith.tb_requantise", cwd=tmp_path)
