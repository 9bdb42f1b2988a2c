"""``python -m hdl``: writes the Verilog of a configuration."""

import argparse
import sys
from pathlib import Path

from . import yosys
from .array import SystolicArray
from .config import ConfigError, config_names, load
from .export import write_verilog


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hdl", description=__doc__)
    parser.add_argument(
        "--config", default="ws-8x8", help=f"TOML file or one of {', '.join(config_names())}"
    )
    parser.add_argument("--target", help="generic, ecp5 or ice40 instead of the configuration's")
    parser.add_argument("--out", type=Path, help="file; build/verilog/<config>/array.v if left out")
    args = parser.parse_args()
    try:
        config = load(args.config)
        if args.target:
            config = config.retarget(args.target)
        out = args.out or Path("build/verilog") / config.name / "array.v"
        write_verilog(SystolicArray(config.array), "array", out)
    except (ConfigError, yosys.YosysError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{out}: module array, {config.name}, target {config.array.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
