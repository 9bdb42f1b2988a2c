"""Finds nextpnr and runs it: ``NEXTPNR_ECP5=``, ``NEXTPNR_ICE40=``, PATH, or the wheel."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from hdl.config import UserError

__all__ = ["ToolError", "nextpnr", "nextpnr_version"]


class ToolError(UserError):
    """A tool is missing or has failed: one line."""


@cache
def nextpnr(name: str) -> str:
    """Executable of ``nextpnr-ecp5`` or ``nextpnr-ice40``."""
    variable = name.upper().replace("-", "_")
    wheel = Path(sys.executable).parent / f"yowasp-{name}"
    for candidate in (os.environ.get(variable), name, str(wheel)):
        if candidate and (found := shutil.which(candidate)):
            return found
        if candidate and candidate == os.environ.get(variable):
            raise ToolError(f"{variable}: must be an executable, not {candidate!r}")
    raise ToolError(
        f"{name}: not found; install it with `pip install yowasp-{name}`, "
        "or put OSS CAD Suite on PATH"
    )


@cache
def nextpnr_version(name: str) -> str:
    """Version, such as ``0.11.1``."""
    shown = subprocess.run([nextpnr(name), "--version"], capture_output=True, text=True)
    found = re.search(r"nextpnr-([\d.]+\d)", shown.stdout + shown.stderr)
    return found[1] if found else "unknown"
