"""Icarus Verilog."""

import subprocess
from functools import cache
from pathlib import Path

from .shared import call

__all__ = ["build", "lint", "version"]


@cache
def version() -> str:
    """Release, such as ``12.0``."""
    shown = subprocess.run(
        ["iverilog", "-V"], capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    return ((shown.stdout.splitlines() or [""])[0].split() + ["?"] * 4)[3]


def lint(path: Path, top: str, *others: Path) -> None:
    """Compile file ``path`` for its errors; ``SimulationError`` if there are any.

    ``others``: files with modules that it instantiates.
    """
    line = ["iverilog", "-g2005", "-t", "null", "-s", top, *map(str, [path, *others])]
    call(line, path.with_suffix(".log"))


def build(path: Path, top: str, sources: list[str], waves: bool) -> None:
    """``path/sim.vvp`` of ``sources``; see :func:`insitu.verification.simulators.build`."""
    if waves:
        dump = path / "dump.v"
        dump.write_text(
            f'module dump;\ninitial begin\n$dumpfile("dump.fst");\n$dumpvars(0, {top});\nend\n'
            "endmodule\n",
            encoding="utf-8",
        )
        sources = [*sources, str(dump)]
    scale = path / "scale.f"
    scale.write_text("+timescale+1ns/1ps\n", encoding="utf-8")
    line = ["iverilog", "-g2012", "-o", str(path / "sim.vvp"), "-s", top, "-f", str(scale)]
    call(line + (["-s", "dump"] if waves else []) + sources, path / "build.log")
