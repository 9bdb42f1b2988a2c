"""Which files LIBERTY= means: several, patterns, paths with blanks."""

from pathlib import Path

import pytest

from insitu.synth.power import names, units
from insitu.synth.power.command import _files
from insitu.verification.bench.command import status


def test_several_files_of_one_variable(tmp_path):
    """As `make power LIBERTY="a.lib b.lib"` gives them; a path with a blank is one file."""
    blank = tmp_path / "a b.lib"
    assert _files("a.lib b.lib") == [Path("a.lib"), Path("b.lib")]
    assert _files(str(blank)) == [tmp_path / "a", Path("b.lib")]
    assert _files(f"'{blank}'") == [blank]
    blank.touch()
    assert _files(str(blank)) == [blank]
    assert _files(f"'{blank}'") == [blank]
    assert _files(f"'{blank}' c.lib") == [blank, Path("c.lib")]
    assert _files("it's.lib") == [Path("it's.lib")]


def test_patterns_and_home(tmp_path, monkeypatch):
    """As a shell would expand them, in order; what is there is no pattern."""
    monkeypatch.setenv("HOME", str(tmp_path))
    b, a, odd = (tmp_path / name for name in ("x_b.lib", "x_a.lib", "x_[ab] c.lib"))
    for path in (b, a, odd):
        path.touch()
    assert _files(f"{tmp_path}/x_?.lib") == _files("~/x_?.lib") == [a, b]
    assert _files("~/x_b.lib ~/x_[a].lib") == [b, a]
    assert _files(str(odd)) == _files("'~/x_[ab] c.lib'") == _files("~/x_[ab] c.lib") == [odd]
    assert _files("~/none*.lib") == [tmp_path / "none*.lib"]
    assert _files("~nobody-at-all/x.lib") == [Path("~nobody-at-all/x.lib")]


@pytest.mark.parametrize("text", ["none*.lib", "x" * 300 + ".lib", "", "'", "a.lib 'b c.lib'"])
def test_files_that_are_not_there(text, capsys):
    assert status("power", "--liberty", text) == 2
    path = "a.lib" if " " in text else text or "."
    assert capsys.readouterr().err == f"error: LIBERTY: must be a file, not {path}\n"


def test_units_are_those_of_the_help():
    assert tuple(units.DRIVEN) == names.DRIVEN
