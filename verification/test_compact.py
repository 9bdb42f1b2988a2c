"""The compact machine against the golden model and its own exact model."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from hdl.boards import board
from hdl.compact import CompactSystem
from hdl.config import ArrayConfig, CompactConfig
from hdl.export import to_verilog
from host.device import Device, HostError
from host.digits import run as run_digits
from sim_models import golden

from . import simulators
from .board_job import simulated


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
    simulators.run(build, "verification.tb_compact,verification.tb_compact_errors", cwd=path, env=env)


@pytest.mark.parametrize("name", list(CONFIGS))
def test_compact(name, tmp_path):
    run(CONFIGS[name], tmp_path)


def test_driver(tmp_path):
    """The driver of ``host/`` on the simulated board: products, what it refuses, four digits."""
    rng = np.random.default_rng(1)
    chosen = board("icebreaker")
    with simulated(chosen, chosen.machine(target="generic"), "verilator", tmp_path) as port:
        device = Device.open(port, timeout=300, patience=300)
        about = device.board
        assert (about.memory, about.rows, about.cols, about.dot) == (1 << 17, 2, 1, 8)
        assert (about.word, about.max_k, about.clock_hz) == (8, 2048, 24_000_000)
        assert about.either_sign
        assert about.short_counters
        assert not about.zero_points
        for m, k, n in ((1, 1, 1), (5, 33, 4)):
            a = rng.integers(-128, 128, (m, k), dtype=np.int8)
            b = rng.integers(-128, 128, (k, n), dtype=np.int8)
            bias = rng.integers(-1000, 1000, n)
            assert np.array_equal(device.matmul(a, b, bias=bias), a.astype(np.int64) @ b + bias)
            assert device.counters.macs == m * k * n
        scale = (rng.random(n) * 1e-2).astype(np.float32)
        found = device.matmul(a, b, bias=bias, scale=scale, format="uint8", zero=9, low=0, high=255)
        total = golden.gemm(a.astype(np.int64), b.astype(np.int64), bias=bias)
        assert np.array_equal(found, golden.requantise(total, scale, zero=9, lo=0, hi=255))
        kept = device.put_weights(b)
        assert np.array_equal(device.get(kept), b)
        with pytest.raises(HostError, match=r"^b: must be stored transposed on this board; use "):
            device.gemm(device.put(a), device.put(b))
        with pytest.raises(HostError, match=r"^product: ended as unsupported$"):
            device.gemm(device.put(a), kept, a_zero=1)
        with pytest.raises(HostError, match=r"^product: ended as bad_scale$"):
            device.gemm(device.put(a), kept, scale=-1.0, format="int8")
        outcome = run_digits(device, 4)
        assert outcome.exact
        assert outcome.accuracy >= 0.75
        assert outcome.repeated == 0
