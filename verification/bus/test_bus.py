"""Launches the cocotb tests of the DMA masters."""

import json

import pytest

from insitu.hdl.bus import ReadMaster, WriteMaster
from insitu.hdl.export import lower, to_rtlil
from insitu.verification import simulators
from insitu.verification.bench.designs import Bundle
from insitu.verification.bench.passed import at_night


@pytest.mark.parametrize(
    ("data_bits", "longest", "outstanding"), at_night([(128, 5, 1), (64, 16, 8), (32, 256, 2)], 1)
)
def test_masters(data_bits, longest, outstanding, tmp_path):
    shape = {"addr_bits": 32, "data_bits": data_bits}
    limits = {"longest": longest, "outstanding": outstanding}
    design = Bundle([ReadMaster(**shape, tag_bits=2, **limits), WriteMaster(**shape, **limits)])
    text = lower(to_rtlil(design, "masters"), initial=False)
    build = simulators.build("verilator", "masters", text, fast=False)
    env = {"INSITU_BUS": json.dumps(shape | limits)}
    simulators.run(build, "insitu.verification.bus.tb_bus", cwd=tmp_path, env=env)
