"""Long work says how far it is, everywhere in the same way."""

import io
import re
import time

import pytest
from rich.console import Console

from insitu.hdl.support import progress as module
from insitu.hdl.support.progress import Work, number_in, progress, spent
from insitu.verification.simulators import ROOT


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "PERIOD", 0.05)
    monkeypatch.setattr(module, "MOST", 0.1)
    monkeypatch.setattr(module, "LOOK", 0.01)


def _until(out: io.StringIO, pattern: str) -> None:
    end = time.monotonic() + 20
    while not re.search(pattern, out.getvalue()):
        assert time.monotonic() < end, out.getvalue()
        time.sleep(0.01)


def test_a_line_now_and_then(tmp_path):
    """Piped: whole lines, with per cent and time left as soon as they are known."""
    out, path = io.StringIO(), tmp_path / "progress.txt"
    with progress(Console(file=out), "digging", 200, look=number_in(path)):
        _until(out, r"digging: 0 %, 0 s\n")
        path.write_text("50\n", encoding="utf-8")
        _until(out, r"digging: 25 %, \d s, about \d s left\n")
        path.write_text("", encoding="utf-8")  # half written
    with progress(Console(file=out), "waiting") as work:
        work.say("waiting for rain")
        _until(out, r"waiting for rain: 0 s\n")
    assert all(x.startswith(("digging: ", "waiting")) for x in out.getvalue().splitlines())


def test_short_work_says_nothing():
    out = io.StringIO()
    with progress(Console(file=out), "blinking", 2) as work:
        work.advance()
    assert out.getvalue() == ""


def test_a_bar_on_a_terminal():
    """It goes when the work ends, or fails."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, _environ={"TERM": "xterm"})

    def fail() -> None:
        with progress(console, "digging", 4) as work:
            work.to(1)
            _until(out, r"digging.*25 %, \d s, about \d s left")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert out.getvalue().endswith(("\x1b[2K", "\x1b[?25h", "\r\x1b[1A\x1b[2K"))


def test_time_left():
    work = Work("x", 100)
    work.began -= 30
    assert work.told() == "0 %, 30 s"
    work.to(25)
    assert work.told() == "25 %, 30 s, about 1 min 30 s left"
    work.to(120)  # more than was thought
    assert work.told() == "100 %, 30 s"


def test_spent():
    assert [spent(x) for x in (0.4, 59.4, 59.6, 3599, 3600, 7500)] == [
        "0 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 00 min", "2 h 05 min",
    ]  # fmt: skip


def test_nothing_else_shows_progress():
    """One place, so that all commands say it alike."""
    others = ("hdl/support/progress.py", "verification/bench/runner.py")
    for folder in ("hdl", "host", "program", "sim_models", "synth", "verification"):
        for path in (ROOT / folder).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if name not in others and not name.endswith("test_progress.py"):
                text = path.read_text(encoding="utf-8")
                assert not re.search(r"rich\.progress|\.status\(f?\"|onsole\.status", text), name
