"""What both simulators need: errors, the cache's folder, and running a tool with a log."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from insitu.hdl.config import UserError
from insitu.hdl.support.files import BUILD
from insitu.hdl.support.tools import said

__all__ = ["CACHE", "ROOT", "MissingTool", "SimulationError", "call", "tool"]

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = BUILD / "cache"


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


def call(
    line: Sequence[str], log: Path, env: dict[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run ``line``, its output added to ``log``; :class:`SimulationError` if it fails."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(" ".join(line) + "\n")
        file.flush()
        start = file.tell()
        done = subprocess.run(
            line, stdout=file, stderr=subprocess.STDOUT, env=os.environ | (env or {}), cwd=cwd
        )
    if done.returncode:
        with open(log, errors="replace", encoding="utf-8") as file:
            file.seek(start)
            reason = said(file.read())
        status = f"exit status {done.returncode}"
        raise SimulationError(f"{Path(line[0]).name}: {reason} ({status}, log: {log})")
