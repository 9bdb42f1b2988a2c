"""Launches the tests of cores whose weights are beside their multipliers."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from insitu.hdl.config import ConfigError, InbankConfig, MeshConfig, NearConfig
from insitu.verification import simulators
from insitu.verification.bench.designs import near_verilog


def check(cores: list[NearConfig], path) -> None:
    """Build ``cores`` as one design and run every test on each."""
    build = simulators.build("verilator", "near", near_verilog(cores), fast=False)
    env = {"INSITU_NEAR": json.dumps([(core.table, asdict(core)) for core in cores])}
    simulators.run(build, "insitu.verification.near.tb_near", cwd=path, env=env, seed=1)


def mesh(rows: int, cols: int, tile_rows: int, tile_cols: int, **given: Any) -> MeshConfig:
    return MeshConfig(rows, cols, tile_rows=tile_rows, tile_cols=tile_cols, **given)


CORES: dict[str, list[NearConfig]] = {
    "mesh": [
        mesh(1, 1, 1, 1, banks=2),
        mesh(3, 2, 1, 1, banks=1),
        mesh(4, 6, 2, 3, banks=3, target="ecp5", multiplier="dsp"),
        mesh(6, 2, 3, 1, banks=5, act_bits=4, weight_format="int4", multiplier="lut"),
        mesh(2, 8, 2, 2, banks=4, act_bits=16, weight_format="int16"),
        mesh(6, 4, 1, 2, banks=16, weight_format="int4", target="ecp5", multiplier="dsp"),
        mesh(5, 3, 5, 3, banks=64, weight_format="uint8"),
    ],
    "inbank": [
        InbankConfig(1, 1, banks=2),
        InbankConfig(3, 2, banks=1),
        InbankConfig(4, 6, banks=3, target="ecp5", multiplier="dsp"),
        InbankConfig(6, 1, banks=5, act_bits=4, weight_format="int4", multiplier="lut"),
        InbankConfig(2, 8, banks=4, act_bits=16, weight_format="int16"),
        InbankConfig(5, 17, banks=64, weight_format="uint8"),
    ],
}


@pytest.mark.parametrize("kind", CORES)
def test_cores(kind, tmp_path):
    check(CORES[kind], tmp_path)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (MeshConfig, {"tile_rows": 3}, r"^mesh\.tile_rows: must be a divisor of rows = 8, not 3$"),
        (MeshConfig, {"tile_cols": 9}, r"^mesh\.tile_cols: must be a divisor of cols = 8, not 9$"),
        (MeshConfig, {"rows": 256, "cols": 256, "tile_rows": 1, "tile_cols": 1},
         r"^mesh\.rows: must be so few that a vector takes at most 500 cycles, not \d+, not 256$"),
        (InbankConfig, {"banks": 65}, r"^inbank\.banks: must be an integer from 1 to 64, not 65$"),
        (InbankConfig, {"multiplier": "dsp"}, r"^inbank\.multiplier: must be 'inferred' or 'lut'"),
        (InbankConfig, {"target": "ice40", "multiplier": "dsp", "act_bits": 16},
         r"^inbank\.act_bits: must be a format whose operands fit the 16 bits .*, not 16$"),
    ],
)  # fmt: skip
def test_refusals(kind, fields, message):
    with pytest.raises(ConfigError, match=message):
        kind(**fields)
