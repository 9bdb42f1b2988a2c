"""The compact machine against the golden model and its own exact model."""

import json
from dataclasses import asdict, replace
from dataclasses import fields as dataclass_fields

import numpy as np
import pytest
from rich.console import Console

from insitu.hdl.boards import board
from insitu.hdl.compact import CompactSystem
from insitu.hdl.compact.control import COUNTER_NUMBERS
from insitu.hdl.config import ArrayConfig, CompactConfig, ConfigError, UserError, load
from insitu.hdl.config.compact import COMPACT_COUNTERS
from insitu.hdl.export import Flat, lower, to_rtlil
from insitu.host.device import Device, HostError
from insitu.host.digits import run as run_digits
from insitu.program.descriptor import Descriptor
from insitu.program.registers import Counters
from insitu.sim_models import golden
from insitu.sim_models.compact import check_cycles, counts
from insitu.synth import compact
from insitu.synth.devices import device
from insitu.verification import simulators
from insitu.verification.bench import netlists
from insitu.verification.bench.command import status
from insitu.verification.bench.passed import at_night
from insitu.verification.jobs.board import BIT, simulated


def small(rows: int = 2, **fields) -> CompactConfig:
    array = ArrayConfig(
        flow="os", rows=rows, cols=1, dot=8, zero_points=False,
        acc_bits=fields.pop("acc_bits", 32), target=fields.pop("target", "generic"),
    )  # fmt: skip
    return CompactConfig(array, **fields)


CONFIGS = {
    "two": small(memory=1 << 11, k_max=64),
    "one": small(1, memory=1 << 10, k_max=16, step=1, counters=("cycles", "macs"), counter_bits=16),
    "three": small(3, memory=1 << 12, k_max=128, step=8, counters=()),
}


PRODUCTS, ERRORS = (
    "insitu.verification.compact.tb_compact",
    "insitu.verification.compact.tb_compact_errors",
)
PAGE = simulators.ROOT / "docs" / "compact.md"
MUTANTS = 100


def rtlil(config: CompactConfig) -> str:
    return to_rtlil(Flat(CompactSystem(config, 0x12345678)), "compact")


def run(config: CompactConfig, verilog: str, path, tests: str, **env: str) -> None:
    """``SimulationError`` if one of ``tests`` fails."""
    build = simulators.build("verilator", "compact", verilog, fast=False)
    env["INSITU_COMPACT"] = json.dumps(asdict(config))
    simulators.run(build, tests, cwd=path, env=env)


@pytest.mark.parametrize("name", at_night(list(CONFIGS), 2))
def test_compact(name, tmp_path):
    config = CONFIGS[name]
    run(config, lower(rtlil(config)), tmp_path, f"{PRODUCTS},{ERRORS}", INSITU_COUNT="25")


@pytest.mark.nightly
@pytest.mark.parametrize("name", list(CONFIGS))
def test_thousands(name, tmp_path):
    config = CONFIGS[name]
    run(config, lower(rtlil(config)), tmp_path, PRODUCTS, INSITU_COUNT="1000", INSITU_SEED="2")


@pytest.mark.nightly
def test_netlist(tmp_path):
    """As it is mapped to the device, on Yosys's models of DSPs and block RAMs."""
    config = load("up5k").compact
    verilog = netlists.netlist(rtlil(config), "compact", device("up5k"), "machine")
    run(config, verilog, tmp_path, PRODUCTS, INSITU_COUNT="20", INSITU_SPAN="4096")


@pytest.mark.nightly
def test_board_netlist(tmp_path):
    """The mapped top answers over its serial line."""
    chosen = board("icebreaker")
    config = chosen.machine()
    top = chosen.top(config, baud=round(chosen.clock_hz / BIT))
    text = netlists.netlist(to_rtlil(Flat(top), "board"), "board", device("up5k"), "machine")
    rng = np.random.default_rng(3)
    with simulated(chosen, config, "verilator", tmp_path, text, fast=False) as port:
        link = Device.open(port, timeout=600, patience=600)
        assert link.board.config_hash == int(config.hash, 16)
        a = rng.integers(-128, 128, (3, 20), dtype=np.int8)
        b = rng.integers(-128, 128, (20, 3), dtype=np.int8)
        product = a.astype(np.int64) @ b
        assert np.array_equal(link.matmul(a, b), product)
        scale = np.array([0.01, 0.002, 0.5], np.float32)
        found = link.matmul(a, b, scale=scale, format="int8")
        assert np.array_equal(found, golden.requantise(product, scale))


@pytest.mark.nightly
def test_mutants_are_killed(tmp_path):
    """At least 95 of 100 seeded mutants fail a test; ``build/mutants`` names those that do not."""
    config = CONFIGS["two"]
    text, mutations = netlists.mutated(rtlil(config), "compact", MUTANTS, seed=1)
    tests, env = f"{PRODUCTS},{ERRORS}", {"INSITU_COUNT": "25"}
    run(config, text, tmp_path / "none", tests, INSITU_MUTANT="0", **env)
    survivors = []
    for n, mutation in enumerate(mutations, 1):
        try:
            run(config, text, tmp_path / str(n), tests, INSITU_MUTANT=str(n), **env)
        except simulators.SimulationError:
            continue
        survivors.append(f"{n}: {mutation}")
    path = simulators.ROOT / "build" / "mutants" / "compact.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in survivors), encoding="utf-8")
    assert len(survivors) <= MUTANTS * 5 // 100, survivors


def test_cycle_table():
    """What the page says of cycles is what the model says, and that is the hardware's."""
    text, config = PAGE.read_text(encoding="utf-8"), load("up5k").compact
    least = Descriptor(m=1, n=1, k=8, b_transposed=True)
    first = check_cycles(least) + 3
    assert f"| doorbell to the first access, M = N = 1, int32, no bias | {first} |" in text
    for changed, more in (
        ({"m": 3}, 2 * 2),
        ({"n": 3}, 2),
        ({"has_bias": True}, 3),
        ({"format": "int8", "column_scale": True}, 3),
    ):
        assert check_cycles(replace(least, **changed)) == first - 3 + more
    one = 5 + config.multiply_cycles + config.shift_cycles(149 - 114)
    assert f"With a scale of 2⁻¹³, as networks have them, a row takes {one} cycles" in text
    hidden = next(w for w in range(999) if w + 2 + 2 >= 2 * one + 4 + 8)
    assert f"K from {8 * hidden} on hides two of them" in text
    job = Descriptor(
        m=64, n=64, k=576, format="int8", scale=2.0**-13, has_bias=True, b_transposed=True
    )
    found = counts(config, job)
    share = found.macs / found.cycles / config.array.macs_per_cycle
    assert f"takes {found.cycles:,} cycles, {100 * share:.1f} % of the peak" in text
    # A column: its words and accesses, or what finishes the one before.
    long, wide = (replace(job, k=k, m=2) for k in (2048, 8))
    for case, expected in ((long, 256 + 3), (wide, 2 * one + 2 + 8)):
        cycles = [counts(config, replace(case, n=n)).cycles for n in (33, 34)]
        assert cycles[1] - cycles[0] == expected


@pytest.mark.nightly
def test_cells_table():
    """`python -m insitu.synth.compact` would change nothing."""
    assert compact.table(Console(quiet=True)) in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"memory": 3000}, r"^compact\.memory: must be a power of two, not 3000$"),
        ({"memory": 1 << 18}, r"^compact\.memory: must be an integer from 1024 to 131072, not"),
        ({"k_max": 100}, r"^compact\.k_max: must be a power of two, not 100$"),
        ({"step": 5}, r"^compact\.step: must be a divisor of 24, not 5$"),
        ({"counter_bits": 33}, r"^compact\.counter_bits: must be an integer from 16 to 32, "),
        ({"counters": ["cycles", "x"]}, r"^compact\.counters: must be of cycles, .*, each once, "),
        ({"counters": ["macs", "macs"]}, r"^compact\.counters: must be of cycles, .*, each once, "),
        ({"counters": "macs"}, r"^compact\.counters: must be a list of names, not 'macs'$"),
        ({"acc_bits": 20}, r"^array\.acc_bits: must be 32 in a compact machine, not 20$"),
        ({"rows": 5}, r"^array\.rows: must be from 1 to 4 in a compact machine, not 5$"),
        ({"target": "ice40", "memory": 1 << 12}, r"^compact\.memory: must be 131072 where it is"),
    ],
)
def test_refuses(fields, message):
    with pytest.raises(ConfigError, match=message):
        small(**fields)


def test_counters_are_where_the_register_map_has_them():
    names = [field.name for field in dataclass_fields(Counters)]
    for name in COMPACT_COUNTERS:
        assert names.index(name) == COUNTER_NUMBERS[name]


def test_other_machines_keep_their_hash(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("[array]\n[machine]\n[compact]\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"must have \[array\] and no \[machine\] beside \[compact\]$"
    ):
        load(path)
    assert load("ws-8x8").hash == "9c0270e0"
    assert load("up5k").retarget("generic").compact.array.target == "generic"


def test_link(tmp_path):
    """What is broken on the line or asks for what cannot be, as on the other boards."""
    chosen = replace(board("icebreaker"), frame_words=32)
    top = chosen.top(chosen.machine(target="generic"), baud=round(chosen.clock_hz / BIT))
    build = simulators.build("verilator", "board", lower(to_rtlil(Flat(top), "board")))
    env = {"INSITU_BIT": str(BIT), "INSITU_MEMORY": str(chosen.memory), "INSITU_WORDS": "32"}
    simulators.run(build, "insitu.verification.boards.tb_link", cwd=tmp_path, env=env)


def test_driver(tmp_path, capsys):
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
        with pytest.raises(HostError, match=r"^a_zero: must be 0 on this machine, not 1$"):
            device.gemm(device.put(a), kept, a_zero=1)
        with pytest.raises(HostError, match=r"^b: must be int8 on this machine, not uint8$"):
            device.matmul(a, np.abs(b).astype(np.uint8))
        outcome = run_digits(device, 4)
        assert outcome.exact
        assert outcome.accuracy >= 0.75
        assert outcome.repeated == 0
        # As a user types it; the port must be free for that.
        device.close()
        line = ["--port", port, "--timeout", "300"]
        assert status("board", "info", *line) == 0
        assert f"config_hash: {about.config_hash}\n" in capsys.readouterr().out
        assert status("board", "digits", *line, "--count", "1") == 0
        assert "images: 1\naccuracy: 1.0\nexact: True\n" in capsys.readouterr().out
