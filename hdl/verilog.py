"""Verilog of a configuration: its machine, and what computes in it."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from amaranth.lib.wiring import Component

from .config import Config, load
from .engines.registry import kind_of
from .export import write_verilog
from .machines import machine
from .support.cli import Parser
from .support.files import check_writable, folder_of


def modules(config: Config) -> dict[str, Callable[[], Component]]:
    """What is written of ``config``: how to make it, by the name of module and file."""
    found: dict[str, Callable[[], Component]] = {}
    kind = kind_of(config.core)
    if (make := kind.make_core) is not None:
        found[kind.alone] = lambda: make(config.core)
    if config.machine:
        found["gemm"] = lambda: machine(config)
    return found


def arguments(parser: Parser) -> None:
    parser.add_config()
    parser.add_argument("--out", type=Path, help="folder; build/verilog/<config> if left out")


def run(args: Namespace) -> int:
    config = load(args.config, args.target)
    folder = args.out or Path("build/verilog") / folder_of(config)
    check_writable(folder)
    for name, make in modules(config).items():
        out = folder / f"{name}.v"
        write_verilog(make(), name, out)
        print(f"{out}: module {name}, {config.name}, target {config.target}")
    return 0
