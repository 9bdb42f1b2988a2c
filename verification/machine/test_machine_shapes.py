"""Machines of other shapes and formats than the configurations have, and larger matrices."""

import random
from typing import Any

import pytest

from insitu.hdl.config import (
    ArrayConfig,
    CimConfig,
    Config,
    InbankConfig,
    MachineConfig,
    MeshConfig,
    NearConfig,
    load,
)
from insitu.verification.bench.draws import draw_all, random_sizes
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.bench.passed import at_night
from insitu.verification.bench.workload import draw

OTHERS = [
    # dataflow, rows, cols, bus, lanes, zero points
    ("os", 1, 1, 64, 1, False),
    ("ws", 2, 3, 128, 1, True),
    ("os", 2, 8, 128, 8, True),
    ("ws", 5, 4, 64, 4, True),
    ("ws", 1, 1, 32, 1, True),
    ("os", 3, 2, 32, 2, True),
]


@pytest.mark.parametrize(("flow", "rows", "cols", "bus", "lanes", "zeros"), at_night(OTHERS, 2))
def test_other_shapes(flow, rows, cols, bus, lanes, zeros, tmp_path):
    """Arrays of any size, so small that sums of a word follow each other closely, any bus."""
    array = ArrayConfig(flow, rows, cols, zero_points=zeros)
    shell = MachineConfig(
        array, bus_bits=bus, lanes=lanes, a_words=512, b_words=512, c_words=512, n_max=16 * cols
    )
    config = Config(f"{flow}-{rows}x{cols}", array, shell)
    # Few words of sums, visited again and again: the next row meets the one before on its way.
    few = [(m, n, k) for m in (1, 2, 3) for n in (1, cols, 2 * cols) for k in (23, 40)]
    sizes = few + random_sizes("uniform-24", random.Random(6), 40)
    works = draw_all(config.shell, random.Random(6), sizes)
    MachineRunner(config, "verilator", tmp_path, fast=False).run(works, seed=6).check(works)


FORMATS = [
    # dataflow, rows, cols, formats of A and B, zero points, bits of a sum, fields of the shell
    ("ws", 4, 2, "int4", "int4", True, 20, {"addr_bits": 40, "burst": 1, "outstanding": 12}),
    ("os", 2, 4, "uint8", "int4", False, 18, {"addr_bits": 64, "burst": 256, "queue": 1}),
    ("ws", 2, 2, "int16", "int8", True, 32, {"addr_bits": 33, "outstanding": 1, "queue": 14}),
    ("os", 4, 4, "int4", "uint16", True, 32, {"bus_bits": 128, "burst": 2, "lanes": 4}),
]


@pytest.mark.parametrize(
    ("flow", "rows", "cols", "a", "b", "zeros", "sums", "fields"), at_night(FORMATS, 1)
)
def test_formats_and_limits(flow, rows, cols, a, b, zeros, sums, fields, tmp_path):
    """Elements narrower and wider than a byte, with settings of the shell found nowhere else.

    Sums of fewer than 32 bits wrap, as D and biases have 32.
    """
    array = ArrayConfig(
        flow, rows, cols, a_format=a, b_format=b, zero_points=zeros, psum_bits=32, acc_bits=sums
    )
    sizes = {"a_words": 512, "b_words": 512, "c_words": 512, "n_max": 32 * cols}
    shell = MachineConfig(array, **sizes | fields)
    config = Config(f"{flow}-{a}-{b}", array, shell)
    most = min(60, array.max_k)
    drawn = [(m, n, min(k, most)) for m, n, k in random_sizes("uniform-60", random.Random(6), 60)]
    works = draw_all(config.shell, random.Random(6), drawn)
    done = MachineRunner(config, "verilator", tmp_path, fast=False).run(
        works, ahead=shell.queue + 2, seed=6
    )
    done.check(works)
    assert done.full > len(works) // 2


def _shell(core: CimConfig | NearConfig, bus: int) -> MachineConfig:
    words = dict.fromkeys(("a_words", "b_words", "c_words"), 4096)
    return MachineConfig(core, bus_bits=bus, n_max=64 * core.cols, queue=8, **words)


def _play(config: Config, tmp_path) -> None:
    """Descriptors of about a block, a column of it and a few more, and random ones."""
    rows, cols = config.shell.array.rows, config.shell.array.cols
    few = [(m, n, k) for m in (1, 2, 9) for n in (1, 2 * cols) for k in (rows, 3 * rows + 1)]
    sizes = few + random_sizes("uniform-24", random.Random(6), 30)
    works = draw_all(config.shell, random.Random(6), sizes)
    MachineRunner(config, "verilator", tmp_path, fast=False).run(works, seed=6).check(works)


TILES = [
    # rows, cols, bits of A, B, banks, planes skipped, bus
    (4, 2, 8, "int8", 3, True, 64),
    (1, 1, 8, "int4", 1, True, 32),
    (3, 5, 4, "uint8", 7, True, 128),
    (8, 2, 16, "int8", 4, False, 64),
    (6, 4, 4, "int4", 64, True, 64),
]


@pytest.mark.parametrize(
    ("rows", "cols", "act", "weights", "banks", "skip", "bus"),
    at_night(TILES, 1),
)
def test_other_tiles(rows, cols, act, weights, banks, skip, bus, tmp_path):
    """Tiles of any size; where planes are skipped, cycles follow from the data."""
    tile = CimConfig(rows, cols, act, weights, banks=banks, skip=skip)
    shell = _shell(tile, bus)
    _play(Config(f"cim-{rows}x{cols}", tile, shell), tmp_path)


NEAR = [
    # rows, cols, bits of A, B, banks, bus; of a mesh tiles of so many rows and columns
    (1, 1, 8, "int4", 1, 32, (1, 1)),
    (6, 4, 4, "int4", 7, 128, (3, 1)),
    (8, 2, 16, "uint8", 5, 64, (2, 2)),
    (2, 8, 8, "int16", 64, 32, (1, 4)),
]


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["mesh", "inbank"])
@pytest.mark.parametrize(("rows", "cols", "act", "weights", "banks", "bus", "tile"), NEAR)
def test_other_cores(kind, rows, cols, act, weights, banks, bus, tile, tmp_path):
    """Meshes and memory banks of any size and format."""
    core: NearConfig = InbankConfig(rows, cols, act, weights, banks=banks)
    if kind == "mesh":
        tiles = {"tile_rows": tile[0], "tile_cols": tile[1]}
        core = MeshConfig(rows, cols, act, weights, banks=banks, **tiles)
    _play(Config(f"{kind}-{rows}x{cols}", core, _shell(core, bus)), tmp_path)


def test_large_b(tmp_path):
    """65,536 rows are no rows in 16 bits: such a B is streamed, for each block of rows of C."""
    config = load("cim-tiny", "generic")
    job: dict[str, Any] = {
        "batch": 1,
        "addend": False,
        "has_bias": False,
        "format": "int8",
        "m_block": 8,
    }
    work = draw(config.shell, random.Random(1), (9, 1, 1 << 16), 0, 1 << 22, **job)
    MachineRunner(config, "verilator", tmp_path).run([work]).check([work])


def test_storage_of_b_changes(tmp_path):
    """A row of B, stored the other way than the one before, comes while that is still unpacked."""
    array = ArrayConfig("ws", 2, 3)
    shell = MachineConfig(array, bus_bits=128, b_words=4096, n_max=48)
    rng = random.Random(1)
    given: dict[str, Any] = {"a_transposed": False, "batch": 1, "addend": False, "has_bias": False}
    given |= {"m_block": 0, "n_block": 48, "k_block": 64}
    works = []
    for number in range(12):
        # Long rows, so that the next descriptor's follow without a gap.
        size = (1, rng.randint(1, 5), rng.randint(1, 6)) if number % 2 else (1, 48, 45)
        flipped = bool(number % 2) != (number % 4 >= 2)
        works.append(draw(shell, rng, size, number << 14, 1 << 14, b_transposed=flipped, **given))
    config = Config("ws-2x3", array, shell)
    MachineRunner(config, "verilator", tmp_path, fast=False).run(works).check(works)
