"""Launches the cocotb tests that every machine passes."""

import random
import shutil
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pytest

from insitu.hdl.config import CONFIG_DIR, Config, load
from insitu.hdl.config.plugins import plugin_files
from insitu.hdl.export import Flat, to_rtlil
from insitu.hdl.machines import machine
from insitu.program.descriptor import Descriptor
from insitu.program.place import placed
from insitu.sim_models.exact import planned
from insitu.sim_models.timing import temporal
from insitu.verification import simulators
from insitu.verification.bench import netlists
from insitu.verification.bench.coverage import Coverage
from insitu.verification.bench.designs import machine_verilog
from insitu.verification.bench.draws import draw_all, draw_largest, draw_thrice, random_sizes
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.bench.native import machine_build
from insitu.verification.bench.passed import at_night
from insitu.verification.bench.stalls import monitored
from insitu.verification.bench.workload import Work, draw, with_matrices

COVERAGE = simulators.ROOT / "build" / "coverage"
SIZES = {
    "ws-8x8": "uniform-70",
    "os-8x8": "uniform-70",
    "ws-tiny": "log-600",
    "os-tiny": "log-600",
    "cim-tiny": "log-300",
    # Sizes of which few end sooner than software reads the counters of one.
    "mesh-tiny": "uniform-40",
    "inbank-tiny": "uniform-48",
    "scalar": "uniform-12",
    "simd-8": "uniform-24",
    "simd-tiny": "uniform-16",
    "ws-e4m3-tiny": "uniform-40",
    "os-e4m3-tiny": "uniform-40",
    "ws-fp8-tiny": "uniform-40",
    "os-fp16-tiny": "uniform-40",
    "os-fp4-tiny": "uniform-56",
}
# Floating-point numbers differ from others in the array and in what is stored, and little among
# themselves: one of them by day.
FLOATS = [
    "ws-e4m3-tiny",
    "os-e4m3-tiny",
    "ws-fp8-tiny",
    "os-fp16-tiny",
    "os-fp4-tiny",
]
LARGE = {"mesh-8x8": "uniform-70", "inbank-8x8": "uniform-70", "cim-64x16": "uniform-140"}
LARGE |= {"os-8x8-e4m3": "uniform-70", "ws-8x8-e4m3": "uniform-70", "os-4x4-fp16": "uniform-50"}
LARGE |= {"ws-4x4-fp4": "uniform-56"}
# Small machines around engines from elsewhere, see docs/add-an-engine.md.
SIZES |= {path.stem: "uniform-40" for path in plugin_files(".toml") if path.stem.endswith("-tiny")}
ALL = SIZES | LARGE
TINY = [name for name in SIZES if name.endswith("-tiny") and name not in FLOATS[1:]] + FLOATS[1:]
SOME = len(TINY) - len(FLOATS[1:])  # so many of them by day
BANKED = ["cim-tiny", "mesh-tiny", "inbank-tiny"]
# By day; larger ones of engines of which a small one is among them come by night.
SMALLER = [name for name in SIZES if name != "simd-8" and name not in FLOATS[1:]]
LARGER = ["simd-8", *FLOATS[1:], *LARGE]


SHELL = ("tb_machine", "tb_machine_space", "tb_machine_stops", "tb_machine_answers")
# Each has a test of its own: machines with other numbers of address bits, and few machines by day.
ADDRESSES, ABORTS = "high_addresses", "aborts_at_every_cycle"


def _run(
    name: str, benches: Sequence[str], count: int, seed: int, tmp_path, target: str = "generic",
    tests: Sequence[str] = (), without: Sequence[str] = (), step: int = 1, others: bool = False,
) -> None:  # fmt: skip
    """All tests of ``benches``, or ``tests`` alone, or all but ``without``.

    ``others``: memory and software are those of cocotbext-axi.
    """
    config = load(name, target)
    if others:
        text = monitored(machine_verilog(config))
        build = simulators.build("verilator", "gemm", text, fast=count > 500)
    else:
        # Of a device's primitives, which take the compiler long, there is one short run.
        build = machine_build(config, fast=target == "generic")
    env = {
        "INSITU_CONFIG": name,
        # A tile takes eight cycles for a vector.
        "INSITU_SIZES": "uniform-20" if name == "cim-tiny" else SIZES[name],
        "INSITU_COUNT": str(count),
        "INSITU_SEED": str(seed),
        "INSITU_STEP": str(step),
    }
    modules = ",".join(f"insitu.verification.machine.{bench}" for bench in benches)
    simulators.run(build, modules, cwd=tmp_path, env=env, seed=seed, tests=tests, without=without)


@pytest.mark.parametrize(("name", "count"), at_night([("ws-8x8", 20), ("os-8x8", 20)], 1))
def test_random_descriptors_under_stalls(name, count, tmp_path):
    _run(name, SHELL, count, 1, tmp_path, tests=["descriptors"])
    # Every channel was held up: asserted in the run.
    COVERAGE.mkdir(parents=True, exist_ok=True)
    shutil.copy(tmp_path / "stalls.json", COVERAGE / f"{name}-stalls.json")


# Arrays of both flows have their shell in common, a mesh and memory banks their banks as well.
ALIKE = ["mesh-tiny", "os-tiny", "inbank-tiny", "scalar", *FLOATS[1:]]
BY_DAY = [name for name in TINY if name not in ALIKE]


@pytest.mark.parametrize("name", at_night([*BY_DAY, *ALIKE], len(BY_DAY)))
def test_errors_and_descriptors_under_stalls(name, tmp_path):
    _run(name, SHELL, 20, 2, tmp_path, without=[ADDRESSES, ABORTS])


@pytest.mark.parametrize("name", at_night(["ws-tiny", *[n for n in TINY if n != "ws-tiny"]], 1))
def test_memory_and_software_of_others(name, tmp_path):
    """Nobody here wrote what reads and writes the buses, nor what checks their rules."""
    tests = ["descriptors", "bus_errors", "doorbell_when_full", "registers_and_interrupt"]
    _run(name, SHELL, 6, 2, tmp_path, tests=tests, others=True)


@pytest.mark.parametrize(
    ("name", "step"), at_night([("ws-tiny", 3), *((name, 1) for name in [*TINY, "scalar"])], 1)
)
def test_aborts_at_every_cycle(name, step, tmp_path):
    """Every third cycle by day."""
    _run(name, ["tb_machine_stops"], 0, 1, tmp_path, tests=[ABORTS], step=step)


@pytest.mark.parametrize("bits", at_night([64, 40], 1))
def test_wide_addresses(bits, tmp_path):
    path = tmp_path / f"ws-{bits}.toml"
    path.write_text(
        (CONFIG_DIR / "ws-tiny.toml").read_text(encoding="utf-8") + f"addr_bits = {bits}\n",
        encoding="utf-8",
    )
    build = machine_build(load(path, "generic"))
    env = {"INSITU_CONFIG": str(path), "INSITU_SIZES": "uniform-9", "INSITU_COUNT": "0"}
    bench = "insitu.verification.machine.tb_machine_answers"
    simulators.run(build, bench, cwd=tmp_path, env=env, tests=[ADDRESSES])


def test_counts_past_32_bits(tmp_path):
    """In one module, as only signals of the top are within a bench's reach."""
    config = load("ws-tiny", "generic")
    text, _ = netlists.mutated(to_rtlil(Flat(machine(config)), "gemm"), "gemm", 1, 1)
    build = simulators.build("verilator", "gemm", text, fast=False)
    env = {
        "INSITU_CONFIG": "ws-tiny",
        "INSITU_SIZES": SIZES["ws-tiny"],
        "INSITU_COUNT": "0",
        "INSITU_MUTANT": "0",
    }
    simulators.run(build, "insitu.verification.machine.tb_machine_counters", cwd=tmp_path, env=env)


# Arrays of both flows have their shell in common; cores beside banks much with the tile.
ENGINES = at_night(["ws-tiny", "cim-tiny", "simd-tiny", "os-tiny", *BANKED[1:]], 2)


# Of both ways to hold operands: a device's block RAMs are the same in the others.
@pytest.mark.parametrize(
    "name", at_night(["cim-tiny", "ws-tiny", "os-tiny", "simd-tiny", *BANKED[1:]], 1)
)
def test_on_primitives(name, tmp_path):
    """With the DSPs and block RAMs of ECP5, as it is built for the device."""
    _run(name, SHELL, 6, 4, tmp_path, target="ecp5", tests=["descriptors", "aborts"])


@pytest.mark.parametrize("name", at_night(BANKED, 2))
def test_banks(name, tmp_path):
    """What stays in the banks, and what does not."""
    _run(name, ["tb_machine_banks"], 0, 1, tmp_path)


@pytest.mark.parametrize("name", at_night(BANKED[1:], 1))
def test_bank_port(name, tmp_path):
    """Banks as memory behind an AXI slave, and a B that software writes there."""
    _run(name, ["tb_machine_port"], 0, 1, tmp_path)


def _play(config: Config, works: list[Work], seed: int, tmp_path) -> None:
    """Descriptors back to back on the reference memory, the queue kept full."""
    ahead = config.shell.queue + 2
    done = MachineRunner(config, "verilator", tmp_path).run(works, ahead=ahead, seed=seed)
    done.check(works)
    assert done.full > len(works) // 2


@pytest.mark.parametrize("name", at_night([*SMALLER, *LARGER], len(SMALLER)))
def test_random_descriptors(name, tmp_path):
    config = load(name, "generic")
    sizes = random_sizes(ALL[name], random.Random(5), 110)
    works = draw_all(config.shell, random.Random(5), sizes)
    _play(config, works, 5, tmp_path)
    coverage = Coverage(config.shell)
    coverage.add(work.job for work in works)
    coverage.write(COVERAGE / f"{name}.json")


@pytest.mark.parametrize("name", ENGINES)
def test_longest_blocks(name, tmp_path):
    """Rows as long as a block may be, buffers full to the last word."""
    config = load(name, "generic")
    works = draw_largest(config.shell, random.Random(6), [])
    MachineRunner(config, "verilator", tmp_path).run(works).check(works)


@pytest.mark.parametrize("name", BANKED)
def test_a_tile_ends_as_another_begins(name, tmp_path):
    """With so many vectors that the last row of weights of one comes about when the vectors of
    another begin or end, sooner or later by a few cycles."""
    config = load(name, "generic")
    array = config.shell.array
    tiles = [(n, k) for n in range(1, 5) for k in range(1, 5)]
    sizes = [
        (m, n * array.cols, k * array.rows) for m in range(1, 6 * array.rows) for n, k in tiles
    ]
    works = draw_all(config.shell, random.Random(8), sizes)
    MachineRunner(config, "verilator", tmp_path).run(works).check(works)


@pytest.mark.parametrize("name", at_night(TINY, SOME))
def test_coverage(name, tmp_path):
    """Every point is reached; blocks of the larger configurations are wider than most matrices."""
    config = load(name, "generic")
    coverage = Coverage(config.shell)
    rng = random.Random(9)
    whole = [8 * n for n in range(1, 7)]

    def size() -> int:
        return rng.choice([rng.choice(whole), rng.randint(1, 50)])

    # With banks such a B stays there, for one that uses it again.
    array = config.shell.array
    tile = [(size(), array.cols, array.rows)] * (8 if array.banks else 0)
    sizes: Iterable[tuple[int, int, int]] = chain(
        tile, ((size(), size(), size()) for _ in range(2000) if coverage.missing)
    )
    works = draw_all(config.shell, rng, sizes, wanted=coverage.wants)
    coverage.write(COVERAGE / f"{name}-directed.json")
    assert not coverage.missing
    _play(config, works, 9, tmp_path)


@pytest.mark.parametrize("name", at_night([*SMALLER, "simd-8"], len(SMALLER)))
def test_same_in_both_slots(name, tmp_path):
    """A descriptor alone takes the same time whichever slot it has, and waits for the same."""
    config = load(name, "generic")
    works = draw_thrice(config.shell, random.Random(7))
    done = MachineRunner(config, "verilator", tmp_path).run(works, ahead=1)
    done.check(works)
    assert done.counters[1::3] == done.counters[2::3]


@pytest.mark.parametrize("name", at_night(TINY, SOME))
def test_waits_for_software(name, tmp_path):
    """As many completions are kept as the queue holds; behind them the machine waits, exactly."""
    config = load(name, "generic")
    works = draw_all(
        config.shell, random.Random(8), random_sizes("uniform-4", random.Random(8), 24)
    )
    # Software reads all counters of each, which takes longer than such a job.
    done = MachineRunner(config, "verilator", tmp_path).run(works, ahead=config.shell.queue + 2)
    done.check(works)
    free = temporal(config.shell, [work.job for work in works], done.posted)
    waited = [f.cycles < one["cycles"] for f, one in zip(free, done.counters, strict=True)]
    assert sum(waited) > len(works) // 2, waited


@pytest.mark.parametrize("name", BANKED)
def test_columns_come_last(name, tmp_path):
    """Where A is kept and B resident nothing but biases and scales come for a block of C."""
    config = load(name, "generic").shell
    rng = random.Random(3)
    works: list[Work] = []
    given: dict[str, Any] = {"order": 1, "has_bias": True, "addend": False, "batch": 1}
    given |= {"bank_first": 0, "a_transposed": False, "m_block": 0, "n_block": config.n_granule}
    given |= {"k_block": 0}
    n, k = 3 * config.n_granule, config.array.rows
    while -(-n // config.array.cols) > config.array.banks:
        n -= 1
    for number in range(24):
        more: dict[str, Any] = {"format": rng.choice(["int32", "uint8"]), "column_scale": True}
        if number % 4:
            more["held"] = works[-1].b
        base = number << 14
        size = (rng.choice([1, 1, 2, 5]), n, k)
        works.append(draw(config, rng, size, base, 1 << 14, **given, **more))
    done = MachineRunner(load(name, "generic"), "verilator", tmp_path).run(works)
    done.check(works)


UTILISATION = [
    # configuration, size of the cube, least utilisation with loads and stores included
    ("ws-8x8", 64, 0.88),
    ("ws-8x8", 256, 0.985),
    ("os-8x8", 64, 0.88),
    ("os-8x8", 256, 0.985),
]


@pytest.mark.parametrize(("name", "size", "least"), UTILISATION)
def test_utilisation(name, size, least, tmp_path):
    """Int8 in and out on the reference memory, with a bias, by the plan."""
    config = load(name, "generic")
    runner = MachineRunner(config, "verilator", tmp_path)
    job = Descriptor(size, size, size, format="int8", has_bias=True)
    job = planned(config.shell, placed(config.shell, job)[0], tries=32)
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-128, 128, (size, size)) for _ in range(2))
    work = with_matrices(config.shell, job, a, b, bias=rng.integers(-1000, 1000, size))
    done = runner.run([work])
    done.check([work])
    reached = size**3 / (config.array.macs_per_cycle * done.counters[0]["cycles"])
    assert reached >= least, reached


def test_back_to_back(tmp_path):
    """Load, compute and store overlap across descriptors that wait in the queue."""
    config = load("ws-8x8", "generic")
    runner = MachineRunner(config, "verilator", tmp_path)
    rng = random.Random(4)
    same: dict[str, Any] = {"format": "int8", "has_bias": True, "addend": False, "batch": 1}
    same |= {"order": 0, "column_scale": False, "a_transposed": False, "b_transposed": False}
    same |= {"m_block": 8, "n_block": 64, "k_block": 64}
    works = [draw(config.shell, rng, (64, 64, 64), n << 16, 1 << 16, **same) for n in range(4)]
    alone = runner.run(works[:1]).counters[0]["cycles"]
    done = runner.run(works)
    done.check(works)
    took = done.posted[-1] + done.counters[-1]["cycles"] - done.posted[0]
    # What lies before the first product and behind the last is hidden, but for the first and last.
    compute = 64**3 // config.array.macs_per_cycle
    assert took <= alone + 3 * (compute + 60), (took, alone)


def test_posting_cycles(tmp_path):
    """A descriptor is not posted before its cycle."""
    config = load("ws-8x8", "generic")
    works = [draw(config.shell, random.Random(n), (8, 8, 8), n << 16, 1 << 16) for n in range(3)]
    done = MachineRunner(config, "verilator", tmp_path).run(works, at=[0, 3000, 3001])
    assert done.posted[0] < 3000 <= done.posted[1] < done.posted[2]
    done.check(works)


@pytest.mark.nightly
@pytest.mark.parametrize("name", SIZES)
def test_many_random_descriptors_under_stalls(name, tmp_path):
    _run(name, SHELL, 1000, 3, tmp_path, tests=["descriptors"])


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", ALL)
def test_many_random_descriptors(name, seed, tmp_path):
    sizes = random_sizes(ALL[name], random.Random(seed), 200)
    config = load(name, "generic")
    _play(config, draw_all(config.shell, random.Random(100 + seed), sizes), 100 + seed, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["ws-tiny", "os-tiny"])
def test_large_random_descriptors(name, seed, tmp_path):
    """Sizes log-uniform from 1 to 600, those that `random_sizes` leaves out for their products."""
    config = load(name, "generic")
    runner, rng = MachineRunner(config, "verilator", tmp_path), random.Random(200 + seed)
    drawn = (tuple(round(600 ** rng.random()) for _ in range(3)) for _ in iter(int, 1))
    sizes = (size for size in drawn if size[0] * size[1] * size[2] >= 60_000)
    for _ in range(8):
        works = [
            draw(config.shell, rng, next(sizes), n << 23, 1 << 23, batch=1)  # as large as it gets
            for n in range(5)
        ]
        runner.run(works, ahead=config.shell.queue + 2, seed=seed).check(works)
