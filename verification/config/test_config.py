"""Configuration: derived values, and every refusal with field, rule and value."""

import subprocess
import sys
from dataclasses import replace

import pytest

from insitu.hdl.config import (
    ArrayConfig,
    CimConfig,
    CompactConfig,
    Config,
    ConfigError,
    Interval,
    MachineConfig,
    SimdConfig,
    UserError,
    config_names,
    load,
)
from insitu.hdl.formats import FORMAT_NAMES, IntFormat
from insitu.verification.simulators import ROOT


@pytest.mark.parametrize("name", config_names())
def test_named_configurations_load(name):
    config = load(name)
    assert config.name == name
    assert config.core.macs_per_cycle > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows": 0}, r"^array\.rows: must be an integer from 1 to 256, not 0$"),
        ({"rows": -3}, r"^array\.rows: must be an integer from 1 to 256, not -3$"),
        ({"cols": 257}, r"^array\.cols: must be an integer from 1 to 256, not 257$"),
        ({"dot": True}, r"^array\.dot: must be an integer from 1 to 64, not True$"),
        ({"dot": 1.5}, r"^array\.dot: must be an integer from 1 to 64, not 1\.5$"),
        ({"a_format": "uint3"}, r"^array\.a_format: must be one of int4, .*, not 'uint3'$"),
        ({"flow": "is"}, r"^array\.flow: must be one of ws, os, not 'is'$"),
        ({"a_format": "int5"}, r"^array\.a_format: must be one of int4, .*, not 'int5'$"),
        ({"b_format": "fp8"}, r"^array\.b_format: must be one of int4, .*, not 'fp8'$"),
        ({"zero_points": 1}, r"^array\.zero_points: must be true or false, not 1$"),
        (
            {"psum_bits": 19},
            r"^array\.psum_bits: must be at least 20 to hold every sum of rows·dot = 8 .*, not 19$",
        ),
        (
            {"a_format": "uint8", "b_format": "uint8", "zero_points": False, "psum_bits": 19},
            r"^array\.psum_bits: must be at least 20 .*, not 19$",
        ),
        ({"flow": "os", "dot": 8, "acc_bits": 19}, r"^array\.acc_bits: must be at least 20 .*19$"),
        ({"target": "xc7"}, r"^array\.target: must be one of generic, ecp5, ice40, not 'xc7'$"),
        ({"multiplier": "dsp"}, r"^array\.multiplier: must be 'inferred' or 'lut' where target"),
        (
            {"target": "ice40", "multiplier": "dsp", "a_format": "int16", "psum_bits": 40},
            r"^array\.a_format: must be a format whose operands fit the 16 bits of an ice40 DSP, "
            r"not 'int16 with zero points'$",
        ),
    ],
)
def test_refuses(fields, message):
    with pytest.raises(ConfigError, match=message):
        ArrayConfig(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bus_bits": 48}, r"^machine\.bus_bits: must be one of 32, 64, 128, not 48$"),
        ({"bus_bits": 24}, r"^machine\.bus_bits: must be one of 32, 64, 128, not 24$"),
        ({"bus_bits": 64.0}, r"^machine\.bus_bits: must be one of 32, 64, 128, not 64\.0$"),
        ({"bus_bits": "64"}, r"^machine\.bus_bits: must be one of 32, 64, 128, not '64'$"),
        ({"queue": 0}, r"^machine\.queue: must be an integer from 1 to 14, not 0$"),
        ({"a_words": 100}, r"^machine\.a_words: must be a power of two, not 100$"),
        ({"b_words": 4}, r"^machine\.b_words: must be at least 8 to hold a block of .*, not 4$"),
        ({"c_words": 4}, r"^machine\.c_words: must be at least 8 to hold a block of .*, not 4$"),
        ({"lanes": 3}, r"^machine\.lanes: must be a divisor of the 8 columns, not 3$"),
        ({"lanes": 8, "bus_bits": 32}, r"^machine\.lanes: must be a power of two up to .*, not 8$"),
        ({"n_max": 12}, r"^machine\.n_max: must be a multiple of the 8 columns, not 12$"),
        ({"array": ArrayConfig(acc_bits=40)}, r"^array\.acc_bits: must be at most 32 .*, not 40$"),
        ({"array": ArrayConfig(dot=2)}, r"^array\.dot: must be 1 in a machine, not 2$"),
    ],
)
def test_machine_refuses(fields, message):
    with pytest.raises(ConfigError, match=message):
        MachineConfig(**{"array": ArrayConfig(), **fields})


WS = ArrayConfig()
ODD = ArrayConfig(flow="os", rows=105, cols=97)
LARGE = {"a_words": 1 << 16, "b_words": 1 << 16, "c_words": 1 << 13}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SimdConfig(flow="ws"), r"^simd\.flow: must be 'os', or left out, not 'ws'$"),
        (lambda: SimdConfig(rows=4), r"^simd\.rows: must be 1, or left out, not 4$"),
        (lambda: SimdConfig(dot=2), r"^simd\.dot: must be 1, or left out, not 2$"),
        (lambda: SimdConfig(psum_bits=30), r"^simd\.psum_bits: must be 24, or left out, not 30$"),
        (lambda: Config("x", None), r"^config\.core: must be of a table \[array\], .*, not None$"),
        (
            lambda: Config("x", WS, machine=MachineConfig(ArrayConfig(rows=4))),
            r"^config\.machine: must be around the configuration's own array, not ArrayConfig",
        ),
        (
            lambda: Config("x", WS, machine=WS),  # type: ignore[arg-type]
            r"^config\.machine: must be a Mac",
        ),
        (
            lambda: Config("x", MachineConfig(WS)),
            r"^config\.core: must be of a table \[array\], .*, not MachineConfig",
        ),
        (
            lambda: MachineConfig("ws"),
            r"^machine\.array: must be an ArrayConfig, .*, not 'ws'$",
        ),
        (lambda: CompactConfig(SimdConfig()), r"^compact\.array: must be an ArrayConfig, not Simd"),
        (
            lambda: MachineConfig(CimConfig(rows=1024)),
            r"^cim\.rows: must be at most 1023 in a machine, not 1024$",
        ),
        # Its blocks' least depth would not fit the fields of a block.
        (
            lambda: MachineConfig(ODD, n_max=8 * 97, **LARGE),
            r"^array\.rows: must be such that a block of 840 × 776 × 81480, .* 8191 .*, not 105$",
        ),
    ],
)
def test_python_refuses_what_toml_does(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_default_block_fits_its_field():
    """A buffer of sums that would have room for more rows than a block can have."""
    array = ArrayConfig(flow="os", rows=2, cols=8)
    assert MachineConfig(array, n_max=8, **LARGE | {"b_words": 16}).default_blocks == (4096, 8, 8)


@pytest.mark.parametrize("name", [name for name in config_names() if load(name).machine])
def test_default_blocks_fit(name):
    """What the hardware chooses is legal; it leaves room for the next block if any does."""
    shell = load(name).shell
    blocks = shell.default_blocks
    words = shell.block_words(*blocks)
    assert words["c_words"] <= shell.c_words
    assert blocks[1] <= shell.n_max
    granules = (shell.m_granule, shell.n_granule, shell.k_granule)
    for operand in ("a_words", "b_words"):
        assert blocks == granules or 2 * words[operand] <= getattr(shell, operand)
        assert words[operand] <= getattr(shell, operand)
    assert all(block % granule == 0 for block, granule in zip(blocks, granules, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[array]\nrow = 8\n",
            r"^array\.row: must be left out or one of the known keys \(.*\); "
            r"the nearest is rows, not 8$",
        ),
        (
            "[arrays]\n",
            r"^arrays: must be left out or one of the tables \[array\], .*, \[machine\], "
            r"\[compact\]; the nearest is array, not {}$",
        ),
        (
            "[array]\n[machin]\n",
            r"^machin: must be left out or .*; the nearest is machine, not {}$",
        ),
        ("", r"bad\.toml: must have one of the tables \[array\], .* \[simd\], not none$"),
        ("[machine]\n", r"bad\.toml: must have one of the tables \[array\], .*, not none$"),
        ("[array]\n[cim]\n", r"bad\.toml: must have one of the tables .*, not \[array\], \[cim\]$"),
        ("a = " + 3000 * "[" + 3000 * "]", r"bad\.toml: must be valid TOML, not nested that deep$"),
        (
            "[cim]\nact_bits = 5\n[machine]\n",
            r"cim\.act_bits: must be 4, 8 or 16 in a machine, not 5$",
        ),
        (
            "[cim]\nacc_bits = 16\n[machine]\n",
            r"cim\.acc_bits: must be enough for the sums of a tile",
        ),
        ("[cim]\nbanks = 65\n[machine]\n", r"cim\.banks: must be at most 64 in a machine, not 65$"),
        ('[array]\n"ro\\nws" = 2\n', r"^array\.'ro\\nws': must be left out or one of the known"),
        ("array = 3\n", r"^array: must be a table, not 3$"),
        (
            "[array]\n[core]\n",
            r"^core: must be left out or one of the tables \[array\], .*, not {}$",
        ),
        ('name = "x"\n[array]\n', r"^name: must be left out"),
        ("[array\n", r"must be valid TOML"),
    ],
)
def test_refuses_files(text, message, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", r"^CONFIG: must be a \.toml file or one of .*'nope'$"),
        ("nope.toml", r"^CONFIG: must be a file that exists, not 'nope\.toml'$"),
        ("folder.toml", r"^CONFIG: must be a file, which a folder is not, not 'folder\.toml'$"),
        ("../configs/ws-8x8", r"^CONFIG: must be a \.toml file or one of "),
    ],
)
def test_refuses_names(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(ConfigError, match=message):
        load(name)


@pytest.mark.parametrize("first", FORMAT_NAMES)
@pytest.mark.parametrize("second", FORMAT_NAMES)
@pytest.mark.parametrize("zero_points", [True, False])
def test_widths_are_exact(first, second, zero_points):
    """Products reach both ends of their interval, and one bit less would not hold them."""
    a = IntFormat.parse(first).operand(zero_points)
    b = IntFormat.parse(second).operand(zero_points)
    corners = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
    product = a * b
    assert (product.lo, product.hi) == (min(corners), max(corners))
    for interval in (a, b, product, product.sum(7)):
        bits, signed = interval.bits, interval.signed
        lo, hi = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        assert lo <= interval.lo
        assert hi >= interval.hi
        narrow = Interval(lo // 2, hi // 2)
        assert bits == 1 or not (narrow.lo <= interval.lo and interval.hi <= narrow.hi)


def test_largest_k_is_the_largest():
    config = ArrayConfig(flow="os", acc_bits=24)
    k, top = config.max_k, (1 << 23) - 1
    assert config.product.sum(k).magnitude <= top < config.product.sum(k + 1).magnitude
    signed = replace(config, zero_points=False)
    assert signed.max_k == top // (128 * 128)


def test_packing_follows_from_ranges():
    """Two weights in an 18×18 multiplier: 4×4 and 8×4 fit, with zero points too; 8×8 does not."""
    base = ArrayConfig(target="ecp5", multiplier="dsp")
    shifts = {
        (a, b, z): replace(base, a_format=a, b_format=b, zero_points=z).pack_shift
        for a in ("int8", "uint8", "int4")
        for b in ("int4", "uint4", "int8")
        for z in (True, False)
    }
    assert shifts["int8", "int4", False] == 12
    assert shifts["int4", "int4", False] == 8
    assert shifts["int4", "int4", True] == 9
    assert shifts["int8", "int4", True] == 13
    assert all(shifts[a, "int8", z] is None for a in ("int8", "uint8") for z in (True, False))


def test_dsp_counts():
    assert load("ws-8x8").array.dsps == 64
    assert load("ws-8x8-w4").array.dsps == 32
    assert load("ws-12x12").array.dsps == 144
    assert load("up5k").array.dsps == 8
    odd = ArrayConfig(rows=3, cols=3, b_format="int4", target="ecp5", multiplier="dsp")
    assert odd.dsps == 3 * 2


def test_retarget():
    config = load("ws-8x8")
    generic = config.retarget("generic")
    assert (generic.array.target, generic.array.multiplier) == ("generic", "inferred")
    assert generic.hash != config.hash
    assert generic.retarget("ecp5") == config
    with pytest.raises(ConfigError, match=r"^array\.target: must be one of"):
        config.retarget("asic")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gemm", "-m", "0"], "error: M: must be an integer from 1, not '0'"),
        (["gemm", "-k", "-5"], "error: K: must be an integer from 1, not '-5'"),
        (["gemm", "-k", "40000"], "error: K must be from 1 to 33025 "),
        (
            ["gemm", "-m", "9" * 9],
            "error: M, N, K: must be small enough for the 67",
        ),
        (["gemm", "--bare", "-m", "9" * 9], "error: M, N, K: must leave matrices"),
        (["gemm", "--bare", "--format", "int8"], "error: FORMAT: must be left out"),
        (["gemm", "--stall", "9"], "error: STALL: must be 0 on a machine, not 9"),
        (
            ["gemm", "--format", "x"],
            "error: FORMAT: must be one of int32, int8, uint8, fp32, bf16, fp16, e4m3, e5m2, "
            "not 'x'",
        ),
        (["sim", "--images", "0"], "error: IMAGES: must be an integer from 1 to "),
        (["gemm", "--config", "nope"], "error: CONFIG: must be a .toml file or"),
        (["gemm", "--sim", "vcs"], "error: SIM: must be verilator or icarus"),
        (["sim", "--config", "up5k"], "error: CONFIG: must have 8-bit operands"),
        (["verilog", "--target", "asic"], "error: array.target: must be one of"),
        (
            ["verilog", "--target="],
            "error: array.target: must be one of generic, ecp5, ice40, not ''",
        ),
        (["bitstream", "--config="], "error: CONFIG: must be a .toml file or one of"),
        (["board", "sim", "--config="], "error: CONFIG: must be a .toml file or one"),
        (["gemm", "--config=--"], "error: CONFIG: must not be '--'"),
        (["gemm", "-m", "²"], "error: M: must be an integer from 1, not '²'"),
        (["gemm", "--seed", "0"], "error: SEED: must be an integer from 1 to 2147"),
        (["synth", "--device", "xc7"], "error: DEVICE: must be one of ecp5-85f"),
        (["synth", "--target", "ice40"], "error: TARGET: must be generic or ecp5 there"),
        (["synth", "--unit", "alu"], "error: UNIT: must be one of array"),
        (["synth", "--device", "ecp5-25f"], "error: array of ws-8x8: must fit LFE5U-25F"),
        (
            ["synth", "--config", "ws-8x8", "--device", "hx8k"],
            "must fit iCE40HX8K, which has 0 DSP",
        ),
    ],
)
def test_user_errors_are_one_line(arguments, message):
    done = subprocess.run(
        [sys.executable, "-m", "insitu", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gemm BARE=no", "BARE: must be 0 or 1, not no"),
        ("synth RECORD=yes", "RECORD: must be 0 or 1, not yes"),
        ("synth MAP=2", "MAP: must be 0 or 1, not 2"),
        ("nightly PART=x", "PART: must be one of array machine mutants formal rest, not x"),
    ],
)
def test_variables_of_make_are_checked(given, message):
    done = subprocess.run(
        ["make", "-n", *given.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"CXX": "no-such-compiler"}, "error: no-such-compiler: not found; install it with"),
        ({"YOSYS": "no-such-yosys"}, "error: YOSYS: must be an executable, not 'no-such-yosys'"),
        ({"SIM": "icarus", "PATH": "/nowhere"}, "error: iverilog: not found; install it with"),
    ],
)
def test_missing_tools_are_one_line(environment, message, tmp_path):
    import os

    line = [sys.executable, "-m", "insitu", "gemm", "-m", "2", "-n", "2", "-k", "2"]
    done = subprocess.run(
        line,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
