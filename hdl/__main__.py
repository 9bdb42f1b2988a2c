"""``python -m hdl``: writes the Verilog of a configuration."""

from pathlib import Path

from amaranth.lib.wiring import Component

from .array import SystolicArray
from .cim import CimTile
from .cli import Parser, main
from .config import load
from .export import write_verilog
from .files import folder_of
from .machines import machine
from .near import NearCore


def job() -> int:
    parser = Parser(prog="python -m hdl", description=__doc__)
    parser.add_config()
    parser.add_argument("--out", type=Path, help="folder; build/verilog/<config> if left out")
    args = parser.parse_args()
    config = load(args.config, args.target)
    folder = args.out or Path("build/verilog") / folder_of(config)
    modules: dict[str, Component] = {}
    if config.systolic:
        modules["array"] = SystolicArray(config.systolic)
    if config.tile:
        modules["tile"] = CimTile(config.tile)
    if config.near:
        modules["core"] = NearCore(config.near)
    if config.machine:
        modules["gemm"] = machine(config)
    for name, component in modules.items():
        out = folder / f"{name}.v"
        write_verilog(component, name, out)
        print(f"{out}: module {name}, {config.name}, target {config.target}")
    return 0


if __name__ == "__main__":
    main(job)
