"""Scalar and SIMD machines: what they move, how long it takes, and what they are made of."""

import json
import random
import re
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from insitu.hdl.config import Config, ConfigError, MachineConfig, SimdConfig, UserError, load
from insitu.hdl.engines.simd import Gather, Lanes
from insitu.hdl.export import to_rtlil, to_verilog
from insitu.program.descriptor import Descriptor
from insitu.program.place import placed
from insitu.sim_models import traffic
from insitu.sim_models.exact import planned
from insitu.sim_models.timing import run, temporal
from insitu.synth.units import unit
from insitu.verification import simulators
from insitu.verification.bench.draws import draw_all, random_sizes
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.bench.passed import at_night
from insitu.verification.bench.workload import with_matrices

PAGE = simulators.ROOT / "docs" / "simd.md"


def lanes(cols: int, rm: int, rn: int, **given: Any) -> SimdConfig:
    return SimdConfig(flow="os", rows=1, cols=cols, rm=rm, rn=rn, **given)


def machine(tile: SimdConfig, bus: int = 64, words: int = 8) -> Config:
    words_c = max(4, 1 << (tile.rm * tile.rn - 1).bit_length())
    shell = MachineConfig(
        tile, bus_bits=bus, a_words=words, b_words=words, c_words=words_c, n_max=tile.tile_cols
    )
    return Config(f"simd-{tile.cols}", tile, shell)


LANES = [
    lanes(1, 1, 1),
    lanes(3, 2, 2),
    lanes(5, 2, 1, b_format="int4", target="ecp5", multiplier="dsp"),  # two products in a DSP
    lanes(8, 1, 3, a_format="uint8", b_format="int4", zero_points=False),
    lanes(5, 4, 1, a_format="int4", b_format="int16", multiplier="lut"),
    lanes(4, 3, 3, acc_bits=20),
    lanes(8, 4, 2, target="ecp5", multiplier="dsp"),
]


BENCH = "insitu.verification.engines.tb_simd"  # each of its two tests wants a design of its own


@pytest.mark.parametrize("config", at_night(LANES, 3), ids=lambda c: f"{c.cols}x{c.rm}x{c.rn}")
def test_lanes(config, tmp_path):
    """The core alone: every issue's sums, bit for bit, in their cycle, with gaps between issues."""
    build = simulators.build(
        "verilator", "lanes", to_verilog(Lanes(config), "lanes", initial=False), fast=False
    )
    env = {"INSITU_SIMD": json.dumps(asdict(config))}
    simulators.run(build, BENCH, cwd=tmp_path, env=env, tests=["lanes"])


GATHERS = [(8, 64, 6), (4, 64, 5), (16, 32, 7), (8, 64, 1)]


@pytest.mark.parametrize(("bits", "bus", "given"), at_night(GATHERS, 2))
def test_gather(bits, bus, given, tmp_path):
    config = machine(lanes(1, 1, 1, a_format=f"int{bits}"), bus).shell
    text = to_verilog(Gather(config, bits, given), "gather", initial=False)
    build = simulators.build("verilator", "gather", text, fast=False)
    env = {"INSITU_SIMD": json.dumps({"bits": bits, "per_beat": bus // bits, "given": given})}
    simulators.run(build, BENCH, cwd=tmp_path, env=env, tests=["gather"])


SHAPES = [
    # lanes, rm, rn, formats, bus, zero points
    (4, 3, 2, "int16", "int4", 64, True),
    (1, 4, 3, "int8", "int8", 32, True),
    (2, 1, 1, "int4", "uint4", 128, True),
    (5, 2, 3, "uint8", "int8", 128, False),
    (3, 1, 2, "int4", "int16", 32, True),
]


@pytest.mark.parametrize(("cols", "rm", "rn", "a", "b", "bus", "zeros"), at_night(SHAPES, 1))
def test_other_shapes(cols, rm, rn, a, b, bus, zeros, tmp_path):
    """Lanes and tiles of any size, whose blocks begin anywhere in a bus word, of any format."""
    tile = lanes(cols, rm, rn, a_format=a, b_format=b, zero_points=zeros)
    config = machine(tile, bus, words=4)
    few = [(m, n, k) for m in (1, 2 * rm + 1) for n in (1, 2 * rn * cols + 1) for k in (1, 9)]
    sizes = few + random_sizes("uniform-14", random.Random(6), 40)
    works = draw_all(config.shell, random.Random(6), sizes)
    MachineRunner(config, "verilator", tmp_path).run(works, seed=6).check(works)


WORDS = [
    # configuration, its tile replaced, cube
    ("scalar", {}, 6),
    ("simd-8", {}, 32),
    ("scalar", {"rm": 3, "rn": 2}, 12),
    ("simd-8", {"rm": 2, "rn": 1}, 16),
]


@pytest.mark.parametrize(("name", "changed", "size"), at_night(WORDS, 1))
def test_words_per_product(name, changed, size, tmp_path):
    """Measured in RTL: 1 / (rn · W) + 1 / rm elements per product; an access is a bus word."""
    config = load(name, "generic")
    tile = config.shell.array
    assert tile is not None
    if changed:
        tile = replace(tile, **changed)
        config = machine(tile)
    job = placed(config.shell, Descriptor(size, size, size, format="int8"))[0]
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-128, 128, (size, size)) for _ in range(2))
    work = with_matrices(config.shell, replace(job, low=-128, high=127), a, b)
    done = MachineRunner(config, "verilator", tmp_path).run([work])
    done.check([work])
    counted, macs = done.counters[0], size**3
    assert counted["macs"] == macs
    assert counted["a_elements"] * tile.tile_cols == macs
    assert counted["b_elements"] * tile.rm == macs
    assert counted["a_words"] == counted["a_elements"]  # A is stored row by row
    aligned = tile.tile_cols % 8 == 0
    per_access = tile.tile_cols // 8 if aligned else 1
    assert counted["b_words"] >= per_access * counted["b_elements"] // tile.tile_cols
    if aligned or tile.tile_cols == 1:
        assert counted["b_words"] == per_access * counted["b_elements"] // tile.tile_cols
    assert counted["sums_written"] == size * size // tile.cols  # once: sums stay in registers


def rates(name: str) -> list[str]:
    """Rows of the page's table: per product, elements and bus words of A and B, and cycles."""
    config = load(name).shell
    tile = config.array
    assert tile is not None
    rows = []
    for stored in ("m × k", "k × m"):
        size = 64
        job = placed(config, Descriptor(size, size, size, format="int8", low=-128, high=127))[0]
        job = planned(config, replace(job, a_transposed=stored == "k × m"), tries=2)
        moved, macs = traffic.counters(config, job), size**3
        elements = (moved["a_elements"] + moved["b_elements"]) / macs
        words = (moved["a_words"] + moved["b_words"]) / macs
        cycles = temporal(config, [job])[0].cycles / macs
        rows.append(
            f"| {name} | {tile.cols} | {tile.rm} × {tile.rn} | {stored} | {elements:g} | {words:g} "
            f"| {cycles:.3f} |"
        )
    return rows


@pytest.mark.parametrize("name", ["scalar", "simd-8"])
def test_table_is_the_models(name):
    """`docs/simd.md` has these figures."""
    text = PAGE.read_text(encoding="utf-8")
    for row in rates(name):
        assert row in text, row


BOUND = [
    # configuration, cycles per product: an access per cycle, lanes that are busy
    ("scalar", 2),
    ("simd-8", 1 / 8),
]


@pytest.mark.parametrize(("name", "least"), BOUND)
def test_bound_by_accesses(name, least, monkeypatch):
    """By the model: where memory takes an access per cycle, neither it nor its latency binds."""
    monkeypatch.setattr(run, "OUTSTANDING", 64)
    config = replace(load(name).shell, outstanding=64, a_words=64, b_words=64)
    job = placed(config, Descriptor(16, 16, 256, format="int8", low=-128, high=127))[0]
    cycles = temporal(config, [job])[0].cycles / (16 * 16 * 256)
    assert least < cycles < 1.05 * least


def test_latencies_of_the_page():
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (scalar|simd-8) \| (\d+) \| (\d+) \|$", text, flags=re.MULTILINE)
    assert [row[0] for row in rows] == ["scalar", "simd-8"]
    for name, sums, counted in rows:
        config = load(name).shell.array
        assert config is not None
        assert (config.sums_latency, config.count_latency) == (int(sums), int(counted))


@pytest.mark.parametrize("name", ["lanes", "gather", "loads", "engine"])
def test_units_export(name):
    """Each can be built alone; arrays have none of them."""
    assert "module \\top" in to_rtlil(unit(name, load("simd-tiny")), "top")
    if name != "engine":
        with pytest.raises(
            UserError, match=r"^CONFIG: must have a table \[simd\] for this, not ws-tiny$"
        ):
            unit(name, load("ws-tiny"))


REFUSED = [
    ({"rm": 0}, {}, r"^simd\.rm: must be an integer from 1 to 64, not 0$"),
    ({"cols": 0}, {}, r"^simd\.cols: must be an integer from 1 to 256, not 0$"),
    ({"acc_bits": 8}, {}, r"^simd\.acc_bits: must be at least"),
    (
        {},
        {"lanes": 2},
        r"^machine\.lanes: must be 1 with \[simd\], whose C begins anywhere, not 2$",
    ),
    ({}, {"a_words": 8}, r"^machine\.b_words: must be machine\.a_words = 8 with \[simd\]"),
    ({}, {"n_max": 12}, r"^machine\.n_max: must be rn·cols = 6 with \[simd\], not 12$"),
    ({"rm": 5}, {}, r"^machine\.c_words: must be at least rm·rn = 10, not 4$"),
]


@pytest.mark.parametrize(("core", "shell", "message"), REFUSED)
def test_refused(core, shell, message):
    config = load("simd-tiny").shell
    with pytest.raises(ConfigError, match=message):
        replace(config, array=replace(config.array, **core), **shell)


def test_one_table(tmp_path):
    path = tmp_path / "both.toml"
    path.write_text("[simd]\n[cim]\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"must have one of the tables \[array\], .* \[simd\]$"):
        load(path)
    path.write_text('[simd]\nflow = "ws"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^simd\.flow: must be left out or one of the known"):
        load(path)
