"""The compact machine against the golden model and its own exact model."""

import json
from dataclasses import asdict

import pytest

from hdl.compact import CompactSystem
from hdl.config import ArrayConfig, CompactConfig
from hdl.export import to_verilog

from . import simulators


def small(rows: int = 2, **fields) -> CompactConfig:
    array = ArrayConfig(
        flow="os", rows=rows, cols=1, dot=8, zero_points=False, acc_bits=32,
        target=fields.pop("target", "generic"),
    )  # fmt: skip
    return CompactConfig(array, **fields)


CONFIGS = {
    "two": small(memory=1 << 11, k_max=64),
    "one": small(1, memory=1 << 10, k_max=16, step=1, counters=("cycles", "macs"), counter_bits=16),
    "three": small(3, memory=1 << 12, k_max=128, step=8, counters=()),
}


def run(config: CompactConfig, path, **env: str) -> None:
    verilog = to_verilog(CompactSystem(config, 0x12345678), "compact")
    build = simulators.build("verilator", "compact", verilog, fast=False)
    env["INSITU_COMPACT"] = json.dumps(asdict(config))
    simulators.run(build, "verification.tb_compact", cwd=path, env=env)


@pytest.mark.parametrize("name", list(CONFIGS))
def test_compact(name, tmp_path):
    run(CONFIGS[name], tmp_path)
