"""Finds nextpnr and what packs its results: ``NEXTPNR_ECP5=``, ``ECPPACK=`` …, PATH, or wheels."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from insitu.hdl.config import UserError
from insitu.hdl.support.tools import said

__all__ = ["ToolError", "nextpnr_version", "pack", "tool"]


class ToolError(UserError):
    """A tool is missing or has failed: one line."""


@cache
def tool(name: str) -> str:
    """Executable of ``nextpnr-ecp5``, ``nextpnr-ice40``, ``ecppack`` or ``icepack``."""
    variable = name.upper().replace("-", "_")
    wheel = Path(sys.executable).parent / f"yowasp-{name}"
    for candidate in (os.environ.get(variable), name, str(wheel)):
        if candidate and (found := shutil.which(candidate)):
            return found
        if candidate and candidate == os.environ.get(variable):
            raise ToolError(f"{variable}: must be an executable, not {candidate!r}")
    package = {"ecppack": "nextpnr-ecp5", "icepack": "nextpnr-ice40"}.get(name, name)
    raise ToolError(
        f"{name}: not found; install it with `pip install yowasp-{package}`, "
        "or put OSS CAD Suite on PATH"
    )


def pack(name: str, arguments: list[str], folder: Path) -> None:
    """Run ``ecppack`` or ``icepack`` in ``folder``; raises :class:`ToolError`."""
    done = subprocess.run(
        [tool(name), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        log = folder / f"{name}.log"
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        reason = said(done.stdout + done.stderr)
        raise ToolError(f"{name}: {reason} (exit status {done.returncode}, log: {log})")


@cache
def nextpnr_version(name: str) -> str:
    """Version, such as ``0.11.1``."""
    shown = subprocess.run(
        [tool(name), "--version"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    found = re.search(r"nextpnr-([\d.]+\d)", shown.stdout + shown.stderr)
    return found[1] if found else "unknown"
