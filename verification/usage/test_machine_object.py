"""``insitu.Machine``: the same numbers in every place, and refusals in one line."""

import json
from typing import Any

import numpy as np
import pytest

import insitu
from insitu.hdl.config import Config, UserError, load
from insitu.host import Device
from insitu.sim_models import golden
from insitu.verification.bench.board_model import BoardModel
from insitu.verification.simulators import ROOT

PAGE = ROOT / "docs" / "examples" / "own_matrices.ipynb"


def machines(config: Config) -> list[insitu.Machine]:
    """In each place; the board is a model in numpy."""
    board = BoardModel(1 << 18, max_k=config.shell.array.max_k, config_hash=int(config.hash, 16))
    found = [insitu.Machine(config, on=place) for place in ("golden", "model", "rtl")]
    return [*found, insitu.Machine(config, on="board", device=Device(board))]


@pytest.mark.parametrize("name", ["ws-tiny", "os-tiny"])
def test_all_places_agree(name):
    config = load(name, "generic")
    rng = np.random.default_rng(7)
    places = machines(config)
    for case in range(4):
        m, n, k = rng.integers(1, 40, 3)
        a = rng.integers(-128, 128, (m, k))
        b = rng.integers(0, 256, (k, n)).astype(np.uint8)
        options: dict[str, Any] = {"a_zero": -3, "b_zero": 7}
        bias, d = rng.integers(-9999, 9999, n), rng.integers(-9999, 9999, (m, n))
        if case % 2:
            options |= {"scale": rng.uniform(1e-4, 1e-2, n), "zero": 5, "low": -100, "high": 90}
        if case > 1:
            options |= {"bias": bias, "d": d}
        acc = golden.gemm(
            a, b, a_zero=-3, b_zero=7, acc_bits=32,
            bias=bias if case > 1 else None, d=d if case > 1 else None,
        )  # fmt: skip
        scale = options.get("scale")
        wanted = acc
        if scale is not None:
            rule = options.setdefault("binary32", case > 1)
            bounds = {"zero": 5, "lo": -100, "hi": 90}
            wanted = golden.requantise(acc, scale.astype(np.float32), **bounds, binary32=rule)
        found = [place.matmul(a, b, **options) for place in places]
        for one in found:
            assert one.array.dtype == ("int8" if case % 2 else "int32")
            assert np.array_equal(one.array, wanted)
        assert found[0].cycles is None
        assert found[1].cycles == found[2].cycles == found[2].counters["cycles"] > 0
        assert found[1].counters == found[2].counters
        assert np.array_equal(np.asarray(found[0]), wanted)


def test_batches_share_b_or_not():
    rng = np.random.default_rng(3)
    a, b = rng.integers(-9, 9, (3, 5, 6)), rng.integers(-9, 9, (3, 6, 4))
    for place in machines(load("ws-tiny", "generic")):
        assert np.array_equal(place.matmul(a, b).array, a @ b)
        assert np.array_equal(place.matmul(a, b[0]).array, a @ b[0])


def test_other_formats():
    """4 and 16 bits; elements without sign, where there are no zero points."""
    rng = np.random.default_rng(4)
    a, b = rng.integers(-128, 128, (9, 17)), rng.integers(-8, 8, (17, 5))
    config = ROOT / "configs" / "cim-tiny.toml"
    with insitu.Machine(config, on="model") as machine:
        right = rng.integers(-128, 128, (17, 5))
        assert np.array_equal(machine.matmul(a, right).array, a @ right)
    assert np.array_equal(insitu.Machine("up5k").matmul(a, b).array, a @ b)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"a": [[1.5]]}, "a: must be integers, not float64"),
        ({"a": [[300]]}, "a: must be integers from -128 to 127 as int8, not 300"),
        ({"a": [[1, 2]]}, "a, b: must agree in K, not 2 and 1"),
        ({"a": np.ones((2, 1, 1), int), "b": np.ones((3, 1, 1), int)},
         "a, b: must be batches of one size, not 2 and 3"),
        ({"a": []}, "a: must be a non-empty array of 1 or 2 or 3 dimensions"),
        ({"bias": [1, 2]}, "bias: must be 1 of them, one for each column"),
        ({"bias": [0.5]}, "bias: must be integers, not float64"),
        ({"d": [[1, 2]]}, "d: must be of the product's shape (1, 1), not (1, 2)"),
        ({"d": [[1 << 40]]}, "d: must be integers of 32 bits"),
        ({"scale": -1.0}, "scale: must be positive normal float32, not -1.0"),
        ({"scale": 2.0, "format": "int32"}, "scale: must be left out with format int32"),
        ({"format": "int9"}, "format: must be one of int32, int8, uint8, not 'int9'"),
        ({"a_zero": 200}, "a_zero: must be an integer from -128 to 127, not 200"),
        ({"binary32": True}, "binary32: must be left out with format int32, not True"),
        ({"low": 4}, "low: must be left out with format int32, not 4"),
        ({"a": np.ones((1, 40000), int), "b": np.ones((40000, 1), int)},
         "K: must be an integer from 1 to 33025 on this machine, not 40000"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(given, says):
    with pytest.raises(UserError) as found:
        insitu.Machine("ws-tiny").matmul(**{"a": [[1]], "b": [[1]]} | given)
    assert str(found.value).startswith(says)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"on": "rlt"}, "on: must be one of golden, model, rtl, board, not 'rlt'"),
        ({"config": "ws-9x9"}, "CONFIG: must be a .toml file or one of "),
        ({"config": 8}, "config: must be a name, a TOML file or a Config, not 8"),
        ({"config": "os-4x4x4"}, "CONFIG: must have a table [machine] or [compact] for this"),
        ({"on": "rtl", "config": "up5k"}, "CONFIG: must have a table [machine] for this, not up5k"),
        (
            {"on": "rtl", "simulatr": "icarus"},
            "simulatr: must be left out with on='rtl', which takes simulator, seed, pro",
        ),
        ({"on": "board"}, "port, device: must be one of them, not both or none"),
        ({"on": "board", "port": "/dev/none"}, "port: must open at 3000000 baud"),
        (
            {"on": "board", "port": "/dev/none", "bauds": 9},
            "bauds: must be left out",
        ),
        ({"on": "board", "device": Device(BoardModel())}, "config: must be that of the board"),
    ],
)
def test_places_are_checked(given, says):
    with pytest.raises(UserError) as found:
        insitu.Machine(**{"config": "ws-tiny"} | given)
    assert str(found.value).startswith(says)


def test_what_the_bench_cannot_hold():
    """Before anything is computed."""
    with pytest.raises(UserError, match=r"^a, b: must be small enough for the [\d,]+ bytes"):
        insitu.Machine("ws-tiny", on="rtl").matmul(
            np.zeros((1 << 13, 1), np.int8), np.zeros((1, 1 << 13), np.int8)
        )


def test_notebook(monkeypatch, tmp_path, capsys):
    """Every cell runs, and prints what the notebook shows that it printed."""
    scope: dict[str, Any] = {}
    for cell in json.loads(PAGE.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        exec(compile("".join(cell["source"]), str(PAGE), "exec"), scope)
        shown = "".join("".join(out.get("text", [])) for out in cell["outputs"])
        assert capsys.readouterr().out == shown
