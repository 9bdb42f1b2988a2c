"""Builds and runs simulations under cocotb, with every build cached.

A build is keyed by its sources, tool versions and flags. Verilator's own runtime is compiled once
and linked into every simulation; ``build/cache`` holds both and can be removed at any time.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version as package_version
from pathlib import Path
from xml.etree import ElementTree

import cocotb_tools.config
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from insitu.hdl.support.files import digest, kept
from insitu.hdl.support.tools import said

from . import icarus, verilator
from .shared import CACHE, ROOT, MissingTool, SimulationError, call, tool

__all__ = [
    "ROOT",
    "Build",
    "MissingTool",
    "SimulationError",
    "build",
    "check_waves",
    "design_key",
    "lint",
    "pick",
    "primitives",
    "run",
    "run_clocked",
    "version",
]

LINT = {"verilator": verilator.lint, "icarus": icarus.lint}
RANDOM_RESET = ("+verilator+rand+reset+2",)
_TEST = re.compile(r"^ *async def (\w+)\(dut\b", re.MULTILINE)
PRIMITIVES = Path(__file__).resolve().parent.parent / "primitives"


@dataclass(frozen=True)
class Build:
    """A simulation ready to run: simulator, directory and top module."""

    sim: str
    path: Path
    top: str


def version(sim: str) -> str:
    """Release of simulator ``sim``."""
    return verilator.version() if sim == "verilator" else icarus.version()


def pick(name: str | None = None) -> str:
    """Simulator to use: ``name``, else ``SIM``, else Verilator; it must be installed."""
    sim = name or os.environ.get("SIM") or "verilator"
    if sim not in ("verilator", "icarus"):
        raise MissingTool(f"SIM: must be verilator or icarus, not {sim!r}")
    if sim == "icarus":
        tool("iverilog", "install it with `apt-get install iverilog` or leave SIM out")
    else:
        verilator.compiler()
    return sim


def check_waves(sim: str, waves: bool) -> None:
    """``MissingTool`` if ``waves`` are wanted and what ``sim`` needs for them is not installed."""
    if waves and sim == "verilator":
        verilator.check_waves()


def primitives(text: str) -> list[Path]:
    """Models of the vendors' primitives that Verilog ``text`` instantiates, and of their parts."""
    left = {source.stem: source for source in PRIMITIVES.glob("*.v")}
    found: list[Path] = []
    while new := [left.pop(word) for word in set(re.findall(r"\w+", text)) & left.keys()]:
        found += new
        text = "\n".join(source.read_text(encoding="utf-8") for source in new)
    return sorted(found)


def lint(path: Path, top: str, *others: Path, sim: str = "verilator") -> None:
    """File ``path`` as it is; ``SimulationError`` at any error, and at any warning of Verilator's
    default rules. ``others``: files with modules that it instantiates."""
    LINT[sim](path, top, *others)


def design_key(sim: str, top: str, text: str) -> str:
    """Digest of all that decides what a simulation does: design, primitives, simulator, flags."""
    tools = [sim, version(sim), package_version("cocotb")]
    if sim == "verilator":
        tools += [*verilator.BEHAVIOUR, *RANDOM_RESET]
    return digest(
        *tools, top, text, *(source.read_text(encoding="utf-8") for source in primitives(text))
    )


def build(
    sim: str, top: str, text: str, *,
    waves: bool = False, fast: bool = True, clocked: bool = False, native: Sequence[Path] = (),
) -> Build:  # fmt: skip
    """Simulation of module ``top`` in Verilog ``text``, from the cache if it was built before.

    Parameters
    ----------
    sim : "verilator" or "icarus"
    top : str
    text : str
        Verilog. Models of the vendors' primitives are added.
    waves : bool
        Record an FST when it runs.
    fast : bool
        Verilator: optimise for long runs rather than for a short build.
    clocked : bool
        Verilator, without waves: not for cocotb but for :func:`run_clocked`.
    native : paths
        Verilator: C++ that the design imports, and its headers; Python finds it in the process.
    """
    flags = [f"waves={waves}", f"fast={fast}", cocotb_tools.config.__file__]
    if sim == "verilator":
        flags.append(verilator.compiler_version())
    if clocked:
        flags.append(verilator.CLOCKED.read_text(encoding="utf-8"))
    flags += [source.read_text(encoding="utf-8") for source in native]
    path = CACHE / "sim" / f"{top}-{digest(design_key(sim, top, text), *flags)}"

    def make(scratch: Path) -> None:
        (scratch / f"{top}.v").write_text(text, encoding="utf-8")
        sources = [str(scratch / f"{top}.v"), *map(str, primitives(text))]
        if sim == "verilator":
            verilator.build(scratch, top, sources, waves, fast, clocked, native)
        else:
            icarus.build(scratch, top, sources, waves)

    return Build(sim, kept(path, make), top)


def run_clocked(
    build: Build, *, cwd: Path, budget: int, plusargs: Sequence[str] = (), seed: int = 1
) -> Path:
    """Run a ``clocked`` build to its end; returns its log. See ``clocked.cpp``.

    Two to three times as fast as with a clock by cocotb, whose loop takes that time.
    ``SimulationError`` if it does not end within ``budget`` cycles, or the simulator fails.
    """
    cwd.mkdir(parents=True, exist_ok=True)
    log = cwd / "sim.log"
    log.unlink(missing_ok=True)
    line = [str(build.path / build.top), f"+budget={budget}", *plusargs]
    call([*line, f"+verilator+seed+{seed}", *RANDOM_RESET], log, cwd=cwd)
    return log


def run(
    build: Build,
    module: str,
    *,
    cwd: Path,
    env: dict[str, str] | None = None,
    plusargs: Sequence[str] = (),
    tests: Sequence[str] = (),
    without: Sequence[str] = (),
    seed: int = 1,
    waves: bool = False,
) -> Path:
    """Run the cocotb tests of Python modules ``module``, with commas, on ``build``; their log.

    Parameters
    ----------
    cwd : Path
        Directory for logs, results and waves; made if missing.
    env : dict
        Environment for the tests.
    plusargs : sequence of str
        For ``$value$plusargs`` in the design.
    tests : sequence of str
        Run these alone, by name.
    without : sequence of str
        Run all but these.
    seed : int
        Of cocotb and of Verilator's uninitialised registers.
    waves : bool
        The build records an FST.

    Raises
    ------
    SimulationError
        If a test failed, none ran, or the simulator did.
    ValueError
        If no module has a test of such a name.
    """
    picked = _filter(module, tests, without)
    cwd.mkdir(parents=True, exist_ok=True)
    log, results = cwd / "sim.log", cwd / "results.xml"
    results.unlink(missing_ok=True)
    runner = get_runner(build.sim)
    extra = {"PYTHONPATH": os.pathsep.join(sys.path), **(env or {})}
    args = list(plusargs)
    if build.sim == "verilator":
        args += [f"+verilator+seed+{seed}", *RANDOM_RESET]
    failure = ""
    # The runner prefers the environment to its argument.
    os.environ["WAVES"] = str(int(waves))
    try:
        runner.test(
            test_module=module,
            hdl_toplevel=build.top,
            hdl_toplevel_lang="verilog",
            build_dir=build.path,
            test_dir=cwd,
            results_xml=str(results),
            plusargs=args,
            extra_env=extra,
            seed=seed,
            waves=waves,
            test_filter=picked,
            log_file=log,
        )
    except (RuntimeError, SystemExit, subprocess.CalledProcessError, AssertionError) as error:
        failure = str(error) or type(error).__name__
    if not results.is_file():
        reason = (
            said(log.read_text(errors="replace", encoding="utf-8")) if log.is_file() else failure
        )
        raise SimulationError(f"simulation ended without results: {reason} (log: {log})")
    count, failed = get_results(results)
    if failed or not count:
        why = f"{failed} of {count} cocotb tests failed{_first_failure(results)}"
        raise SimulationError(f"{why} (log: {log})")
    if failure:
        reason = said(log.read_text(errors="replace", encoding="utf-8"))
        raise SimulationError(f"{build.sim}: {reason} (exit status {failure}, log: {log})")
    return log


def _first_failure(results: Path) -> str:
    """Its test and its message, if there is one."""
    for case in ElementTree.parse(results).iter("testcase"):
        for found in (*case.iter("failure"), *case.iter("error")):
            told = ": ".join(found.get(key, "") for key in ("error_type", "error_msg"))
            return f", {case.get('name')}: {(told.splitlines() or [''])[0][:300]}"
    return ""


def _filter(modules: str, tests: Sequence[str], without: Sequence[str]) -> str | None:
    """Regular expression for cocotb, which says nothing of a name that is misspelt."""
    there = {
        name
        for module in modules.split(",")
        for name in _TEST.findall(
            ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py").read_text(encoding="utf-8")
        )
    }
    if unknown := {*tests, *without} - there:
        raise ValueError(f"must be tests of {modules}, not {', '.join(sorted(unknown))}")
    if without:
        return rf"^(?!.*\.(?:{'|'.join(without)})(?:/|$))"
    return rf"\.(?:{'|'.join(tests)})(?:/|$)" if tests else None
