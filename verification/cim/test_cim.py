"""Launches the tile's cocotb tests, and compares its models."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.hdl.config import ConfigError
from insitu.hdl.config.cim import CimConfig
from insitu.sim_models import cim
from insitu.verification import simulators
from insitu.verification.bench.designs import cims_verilog


def check(tiles: list[CimConfig], path) -> None:
    """Build ``tiles`` as one design and run every test on each."""
    build = simulators.build("verilator", "cims", cims_verilog(tiles), fast=False)
    env = {"INSITU_CIMS": json.dumps([asdict(t) for t in tiles])}
    simulators.run(build, "insitu.verification.cim.tb_cim", cwd=path, env=env, seed=1)


TILES = {
    "sizes": [
        CimConfig(1, 1),
        CimConfig(2, 3, 4, "int4", banks=2, target="ecp5"),
        CimConfig(5, 2, 3, "uint4", banks=1),
        CimConfig(9, 1, 16, "uint8", banks=3, target="ecp5"),
        CimConfig(7, 5, 1, "int8", banks=5),
    ],
    "skip": [
        CimConfig(1, 1, 1, "int4", skip=True),
        CimConfig(3, 2, 4, "int4", banks=2, skip=True),
        CimConfig(6, 3, 8, "int8", banks=4, skip=True, target="ecp5"),
        CimConfig(5, 2, 16, "uint8", banks=2, skip=True),
    ],
    "slices": [
        CimConfig(4, 2, 4, "int16", banks=2),
        CimConfig(4, 2, 4, "int16", slice_bits=4, banks=2, target="ecp5"),
        CimConfig(5, 2, 4, "int8", slice_bits=1, banks=2, skip=True),
        CimConfig(4, 1, 3, "uint16", slice_bits=16, banks=2),
    ],
    "trees": [
        CimConfig(11, 2, 3, "int8", banks=2, tree="3:2"),
        CimConfig(10, 2, 3, "int8", banks=2, tree="4:2", skip=True),
        CimConfig(3, 2, 3, "uint4", banks=2, tree="4:2"),
        CimConfig(8, 2, 3, "int16", slice_bits=4, banks=70, tree="3:2"),
    ],
    "adc": [
        CimConfig(8, 2, 4, "int8", banks=2, adc_bits=4),
        CimConfig(9, 2, 4, "int4", banks=2, adc_bits=2, adc_rows=4, skip=True),
        CimConfig(7, 3, 3, "uint4", banks=2, adc_bits=2, adc_clip=5, target="ecp5"),
        CimConfig(6, 2, 2, "int8", banks=2, adc_bits=1, adc_rows=3, adc_clip=2, tree="3:2"),
    ],
}


@pytest.mark.parametrize("part", TILES)
def test_tiles(part, tmp_path):
    check(TILES[part], tmp_path)


@pytest.mark.nightly
def test_named_size(tmp_path):
    """64 × 16 as it is built for ECP5, with and without skipping planes."""
    check([CimConfig(target="ecp5"), CimConfig(target="ecp5", skip=True)], tmp_path)


FORMATS = st.sampled_from(["int4", "uint4", "int8", "uint8", "int16"])


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 40), st.integers(1, 16), FORMATS, st.booleans(), st.data())
def test_bit_serial_is_exact(rows, planes, weights, signed, data):
    """Without a converter, and with one whose codes reach all rows."""
    codes = rows.bit_length()
    for given_bits in (0, codes):
        config = CimConfig(rows, 3, planes, weights, adc_bits=given_bits)
        rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
        a = rng.integers(0, 1 << planes, rows)
        values = config.weight.values
        w = rng.integers(values.lo, values.hi, (rows, 3), endpoint=True)
        exact = cim.product(config, a, w, planes, signed)
        assert np.array_equal(cim.bit_serial(config, a, w, planes, signed), exact)
        assert config.out.lo <= exact.min() <= exact.max() <= config.out.hi


REFUSED = [
    ({"rows": 0}, r"^cim.rows: must be an integer from 1 to 1024, not 0$"),
    ({"weight_format": "fp8"}, r"^cim.weight_format: must be one of "),
    ({"slice_bits": 3}, r"^cim.slice_bits: must be a divisor of the weight's 8 bits, or 0, not 3$"),
    ({"adc_rows": 4}, r"^cim.adc_rows: must be 0 without adc_bits, not 4$"),
    ({"adc_bits": 3, "slice_bits": 4}, r"^cim.slice_bits: must be 0 or 1 with adc_bits, not 4$"),
    ({"adc_bits": 3, "adc_rows": 65}, r"^cim.adc_rows: must be at most rows = 64, not 65$"),
    ({"adc_bits": 3, "adc_rows": 4, "adc_clip": 5}, r"^cim.adc_clip: must be at most the 4 rows "),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_refuses(given, message):
    with pytest.raises(ConfigError, match=message):
        CimConfig(**given)
