"""What decides that a cache entry is still good, and what becomes of one that is not whole."""

import importlib
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from insitu.hdl.config import ArrayConfig
from insitu.hdl.support import files, imports
from insitu.sim_models.timing import compiled as timing
from insitu.verification import simulators
from insitu.verification.bench import designs
from insitu.verification.machine import test_mutants
from insitu.verification.simulators import ROOT

TEXT = "module top(input clk);\nendmodule\n"


def test_truncated_entry_is_made_again(tmp_path):
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "sub").mkdir()
        (folder / "sub" / "big").write_text("0123456789", encoding="utf-8")

    path = tmp_path / "entry"
    big = path / "sub" / "big"
    for spoil in (
        None,
        None,
        lambda: big.write_text("01234", encoding="utf-8"),
        big.unlink,
        (path / files.SUMS).unlink,
    ):
        if spoil:
            spoil()
        assert files.kept(path, make) == path
        assert big.read_text(encoding="utf-8") == "0123456789"
    assert len(made) == 4
    # As an older release or another tool left it.
    (path / files.SUMS).write_text("[]", encoding="utf-8")
    files.kept(path, make)
    assert len(made) == 5


def test_entry_is_made_once(tmp_path):
    made = []
    path = tmp_path / "entry"

    def make(folder: Path) -> None:
        made.append(folder)
        assert not path.exists()
        (folder / "x").touch()

    threads = [threading.Thread(target=files.kept, args=(path, make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_failed_entry_has_a_log_and_is_tried_again(tmp_path):
    path = tmp_path / "entry"

    def fail(folder: Path) -> None:
        (folder / "log").write_text("why", encoding="utf-8")
        raise simulators.SimulationError(f"failed (log: {folder / 'log'})")

    for _ in range(2):
        with pytest.raises(simulators.SimulationError, match=rf"\(log: {path}/log\)$"):
            files.kept(path, fail)
        assert (path / "log").read_text(encoding="utf-8") == "why"
    files.kept(path, lambda folder: (folder / "x").touch())
    assert (path / "x").exists()


def test_truncated_verilog(tmp_path, monkeypatch):
    monkeypatch.setattr(designs, "CACHE", tmp_path)
    arrays = [ArrayConfig("os", 1, 1, 1, target="generic")]
    text = designs.arrays_verilog(arrays)
    (path,) = tmp_path.glob("verilog/*/out.v")
    path.write_text(text[: len(text) // 2], encoding="utf-8")
    assert designs.arrays_verilog(arrays) == text


@pytest.mark.skipif("not __import__('shutil').which('iverilog')")
def test_truncated_simulator(tmp_path, monkeypatch):
    monkeypatch.setattr(simulators, "CACHE", tmp_path)
    whole = (simulators.build("icarus", "top", TEXT).path / "sim.vvp").read_bytes()
    (path,) = tmp_path.glob("sim/*/sim.vvp")
    path.write_bytes(whole[:20])
    again = simulators.build("icarus", "top", TEXT).path / "sim.vvp"
    assert again == path
    assert len(again.read_bytes()) == len(whole)


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("left", [0, 20, 200])
def test_truncated_timing_model(kind, left, tmp_path, monkeypatch):
    monkeypatch.setattr(timing.numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "one.py"
    file.write_text("def twice(x):\n    return 2 * x\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "one", raising=False)
    twice = importlib.import_module("one").twice
    assert timing.compiled(twice)(3) == 6
    (path,) = tmp_path.rglob(f"*.{kind}")
    whole = path.read_bytes()
    path.write_bytes(whole[:left])
    assert timing.compiled(twice)(4) == 8
    assert len(path.read_bytes()) == len(whole)
    found: Any = timing.compiled(twice)
    assert found(5) == 10
    assert sum(found.stats.cache_hits.values()) == 1


def names(*modules: str) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in imports.sources(*modules)}


NOT_OF_MACHINES = {"hdl", "hdl/boards", "hdl/compact", "hdl/support"}


def test_keys_follow_imports():
    """Among them those that lists had missed."""
    mutants = names(test_mutants.__name__, *test_mutants._modules("port"))
    assert {
        "sim_models/golden.py", "sim_models/timing/run.py",
        "program/window.py", "verification/bench/player.v",
        "verification/machine/tb_machine_port.py",
        "verification/simulators/clocked.cpp", "hdl/shell/registers.rdl",
    } <= mutants  # fmt: skip
    machine = names("insitu.hdl.machines")
    folders = {path.parent for path in (ROOT / "hdl").rglob("*.py")}
    there = {str(path.relative_to(ROOT)) for path in folders} - NOT_OF_MACHINES
    assert there <= {str(Path(name).parent) for name in machine}
    assert "hdl/config/cim.py" in names("insitu.sim_models.timing")  # constants are compiled in
    assert "sim_models/golden.py" in names("insitu.verification.array.tb_array")
    with pytest.raises(ValueError, match="must be modules of insitu, not .*nowhere"):
        imports.sources("verification.nowhere")


def test_every_way_to_import(tmp_path, monkeypatch):
    package = tmp_path / "hdl"
    (package / "deep" / "data").mkdir(parents=True)
    texts = {
        "__init__.py": "",
        "a.py": "import insitu.hdl.b\nfrom . import c\nfrom .deep import f\ndef g():\n"
        " from .d import x",
        "b.py": "import numpy\n",
        "c.py": "from .a import g\n",
        "d.py": "x = 1\n",
        "e.py": "",
        "deep/__init__.py": "from .one import f\n",
        "deep/one.py": "from ..h import x\n",
        "deep/two.py": "",
        "deep/data/x.csv": "",
        "h.py": "",
    }
    for name, text in texts.items():
        (package / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    found = {str(path.relative_to(package)) for path in imports.sources("insitu.hdl.a")}
    assert found == texts.keys() - {"e.py", "deep/two.py"}
