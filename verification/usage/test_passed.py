"""A remembered test counts only as long as nothing it depends on has changed."""

import re
from pathlib import Path

import pytest

from insitu.verification import simulators
from insitu.verification.bench import passed


def test_record(tmp_path, monkeypatch):
    monkeypatch.setattr(passed, "CACHE", tmp_path)
    source = tmp_path / "bench.py"
    source.write_text("one", encoding="utf-8")
    passed.Record(["design"], [source]).skip_if_passed()
    passed.Record(["design"], [source]).passed()
    with pytest.raises(pytest.skip.Exception, match=r"^passed before, nothing changed since"):
        passed.Record(["design"], [source]).skip_if_passed()
    passed.Record(["other design"], [source]).skip_if_passed()
    source.write_text("two", encoding="utf-8")
    passed.Record(["design"], [source]).skip_if_passed()


def test_outcome(tmp_path, monkeypatch):
    monkeypatch.setattr(passed, "CACHE", tmp_path)
    assert passed.Record(["design"], []).said() is None
    passed.Record(["design"], []).say("lives")
    assert passed.Record(["design"], []).said() == "lives"
    assert passed.Record(["other design"], []).said() is None


BUILD = simulators.Build("icarus", Path(), "top")


@pytest.mark.parametrize("given", [{"tests": ["lane"]}, {"without": ["lanes", "gathers"]}])
def test_a_misspelt_test_is_refused(given, tmp_path):
    """Before anything is run: cocotb would leave it out without a word."""
    with pytest.raises(
        ValueError,
        match=r"^must be tests of insitu.verification.engines.tb_simd, not (lane|gathers)$",
    ):
        simulators.run(BUILD, "insitu.verification.engines.tb_simd", cwd=tmp_path, **given)


def test_which_tests_are_picked():
    names = [
        "insitu.verification.engines.tb_simd.lanes/gaps=50",
        "insitu.verification.machine.tb_machine_space.spans_beyond",
        "insitu.verification.machine.tb_machine_space.spans",
        "insitu.verification.machine.tb_machine_stops.stops",
    ]

    def picked(**given: list[str]) -> list[int]:
        there = ",".join(sorted({name.rsplit(".", 1)[0] for name in names}))
        pattern = simulators._filter(there, given.get("tests", []), given.get("without", []))
        return [n for n, name in enumerate(names) if re.search(pattern or "", name)]

    assert picked() == [0, 1, 2, 3]
    assert picked(tests=["lanes", "spans"]) == [0, 2]
    assert picked(without=["lanes", "spans"]) == [1, 3]
    assert picked(without=["stops"]) == [0, 1, 2]


def test_every_cocotb_test_is_run():
    """Every module is launched; those of which some tests are picked have others that are."""
    tests = Path(passed.__file__).parents[1]
    texts = [path.read_text(encoding="utf-8") for path in tests.rglob("*.py")]
    there = {path.stem: path for path in tests.rglob("tb_*.py")}
    named = r"\bverification\.\w+\.(tb_\w+)|\"(tb_\w+)\""
    launched = {a or b for text in texts for a, b in re.findall(named, text)}
    assert launched >= there.keys() - {"tb_board"}  # what others import
    simd = set(simulators._TEST.findall(there["tb_simd"].read_text(encoding="utf-8")))
    assert simd - {"start"} == {"lanes", "gather"}  # test_simd.py runs one and the other
