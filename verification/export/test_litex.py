"""The LiteX example is built as its docstring says, and computes."""

import re
import subprocess
import sys

import pytest

from insitu.hdl.config import load
from insitu.verification import simulators
from insitu.verification.bench.designs import machine_verilog
from insitu.verification.bench.passed import at_night

EXAMPLE = simulators.ROOT / "docs/examples/litex/gemm.py"
CONFIG = "ws-8x8"
OTHERS = [("axi-lite", 32), ("axi", 32), ("wishbone", 64), ("axi-lite", 64)]
BUSES = at_night([("wishbone", 32), ("axi", 64), *OTHERS], 2)


@pytest.mark.parametrize(("standard", "bits"), BUSES)
def test_soc_computes(standard, bits, tmp_path):
    core = tmp_path / "gemm.v"
    core.write_text(machine_verilog(load(CONFIG, "generic")), encoding="utf-8")
    line = [sys.executable, EXAMPLE, "--verilog", core, "--out", tmp_path]
    line += ["--bus-standard", standard, "--bus-data-width", str(bits)]
    done = subprocess.run(
        list(map(str, line)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 0, done.stderr
    gateware = tmp_path / "gateware"
    # Without comments, one of which is the time: the simulation is built once.
    text = re.sub(
        r"^//.*\n", "", (gateware / "soc.v").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    text += core.read_text(encoding="utf-8")
    build = simulators.build("verilator", "soc", text, fast=False)
    env = {"INSITU_CONFIG": CONFIG, "INSITU_MAP": str(tmp_path / "csr.csv")}
    # The initial contents of the memory are beside the SoC's Verilog.
    simulators.run(build, "insitu.verification.export.tb_litex", cwd=gateware, env=env)
