"""What both simulators need: errors, the cache, and running a tool with a log."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hdl.config import UserError

__all__ = ["CACHE", "ROOT", "MissingTool", "SimulationError", "call", "digest", "locked", "tool"]

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build" / "cache"


class MissingTool(UserError):
    """A tool is not installed: one line that says how to get it."""


class SimulationError(UserError):
    """A build or a run failed: one line with the log to read."""


def tool(name: str, hint: str) -> str:
    """Path of executable ``name``; :class:`MissingTool` with ``hint`` if there is none."""
    found = shutil.which(name)
    if found is None:
        raise MissingTool(f"{name}: not found; {hint}")
    return found


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock that other processes of this checkout respect."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def call(
    line: Sequence[str], log: Path, env: dict[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run ``line``, its output added to ``log``; :class:`SimulationError` if it fails."""
    with open(log, "a") as file:
        file.write(" ".join(line) + "\n")
        file.flush()
        done = subprocess.run(
            line, stdout=file, stderr=subprocess.STDOUT, env=os.environ | (env or {}), cwd=cwd
        )
    if done.returncode:
        raise SimulationError(f"{Path(line[0]).name}: exit status {done.returncode} (log: {log})")


def digest(*parts: str) -> str:
    """Key of a cache entry."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
