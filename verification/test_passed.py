"""A remembered test counts only as long as nothing it depends on has changed."""

import pytest

from . import passed


def test_record(tmp_path, monkeypatch):
    monkeypatch.setattr(passed, "CACHE", tmp_path)
    source = tmp_path / "bench.py"
    source.write_text("one")
    passed.Record(["design"], [source]).skip_if_passed()
    passed.Record(["design"], [source]).passed()
    with pytest.raises(pytest.skip.Exception, match=r"^passed before, nothing changed since"):
        passed.Record(["design"], [source]).skip_if_passed()
    passed.Record(["other design"], [source]).skip_if_passed()
    source.write_text("two")
    passed.Record(["design"], [source]).skip_if_passed()


def test_outcome(tmp_path, monkeypatch):
    monkeypatch.setattr(passed, "CACHE", tmp_path)
    assert passed.Record(["design"], []).said() is None
    passed.Record(["design"], []).say("lives")
    assert passed.Record(["design"], []).said() == "lives"
    assert passed.Record(["other design"], []).said() is None
