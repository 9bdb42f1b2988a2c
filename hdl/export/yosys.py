"""Finds a Yosys and runs scripts in it: ``YOSYS=``, else one on PATH, else the wheel's library."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from ..config import UserError
from ..support.tools import said

__all__ = ["YosysError", "abc", "command", "run", "share", "version"]

# Yosys releases older than this lack passes and cells that the scripts use.
OLDEST = (0, 40)


class YosysError(UserError):
    """Yosys is missing, too old or has failed: one line that says which."""


@cache
def command() -> tuple[str, ...]:
    """Command line of Yosys without arguments; it takes ``-V`` or ``-s FILE``."""
    if chosen := os.environ.get("YOSYS"):
        if shutil.which(chosen) is None:
            raise YosysError(f"YOSYS: must be an executable, not {chosen!r}")
        if (number := _number(_ask((chosen, "-V")))) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise YosysError(
                f"YOSYS: must be release {oldest} or newer, not {'.'.join(map(str, number))}"
            )
        return (chosen,)
    found = shutil.which("yosys")
    if found and _number(_ask((found, "-V"))) >= OLDEST:
        return (found,)
    try:
        import pyosys  # noqa: F401
    except ImportError:
        raise YosysError(
            "yosys: not found; install it with `pip install pyosys` or put OSS CAD Suite on PATH"
        ) from None
    return (sys.executable, str(Path(__file__).with_name("yosys_wheel.py")))


def _ask(line: tuple[str, ...]) -> str:
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", errors="replace")
    return done.stdout.strip()


def _number(text: str) -> tuple[int, ...]:
    """Release in the answer to ``-V``, such as ``Yosys 0.70 (…)``."""
    for word in text.split():
        head = word.split("+")[0].split(".")
        if len(head) >= 2 and all(part.isdigit() for part in head[:2]):
            return int(head[0]), int(head[1])
    return (0, 0)


@cache
def version() -> str:
    """Release, such as ``0.70``."""
    return ".".join(map(str, _number(_ask((*command(), "-V")))))


@cache
def share() -> Path:
    """Directory with the cell libraries of the Yosys in use."""
    line = command()
    if len(line) == 1:
        binary = Path(shutil.which(line[0]) or line[0]).resolve()
        return binary.parent.parent / "share" / "yosys"
    import pyosys

    return Path(pyosys.__file__).parent / "share"


@cache
def abc() -> Path:
    """ABC that comes with the Yosys in use."""
    line = command()
    if len(line) == 1:
        return Path(shutil.which(line[0]) or line[0]).resolve().with_name("yosys-abc")
    return share().with_name("yosys-abc")


def run(script: str, *, cwd: Path, log: str = "yosys.log") -> str:
    """Run ``script`` in directory ``cwd`` and return what it printed, also left in ``cwd/log``.

    Raises :class:`YosysError` with Yosys's own last error if it fails.
    """
    # The names that Yosys gets are relative, as it splits some lines with others at blanks.
    with tempfile.NamedTemporaryFile(
        "w", suffix=".ys", dir=cwd, delete=False, encoding="utf-8"
    ) as file:
        file.write(script)
    try:
        line = [*command(), "-s", Path(file.name).name]
        done = subprocess.run(
            line,
            cwd=cwd,
            capture_output=True,
            text=True,
            env=os.environ | {"TMPDIR": "."},
            encoding="utf-8",
            errors="replace",
        )
    finally:
        Path(file.name).unlink()
    (cwd / log).write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        reason = said(done.stdout + done.stderr)
        raise YosysError(f"yosys: {reason} (exit status {done.returncode}, log: {cwd / log})")
    return done.stdout
