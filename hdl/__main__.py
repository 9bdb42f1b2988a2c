"""``python -m hdl``: writes the Verilog of a configuration."""

from pathlib import Path

from .array import SystolicArray
from .cli import Parser, main
from .config import load
from .export import write_verilog


def job() -> int:
    parser = Parser(prog="python -m hdl", description=__doc__)
    parser.add_config()
    parser.add_argument("--out", type=Path, help="file; build/verilog/<config>/array.v if left out")
    args = parser.parse_args()
    config = load(args.config, args.target)
    out = args.out or Path("build/verilog") / config.name / "array.v"
    write_verilog(SystolicArray(config.array), "array", out)
    print(f"{out}: module array, {config.name}, target {config.array.target}")
    return 0


if __name__ == "__main__":
    main(job)
