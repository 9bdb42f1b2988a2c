"""Options that several commands have."""

import os
from argparse import Namespace
from typing import Any

from insitu.hdl.config import Config, UserError, load
from insitu.hdl.support.cli import Parser, integer

__all__ = ["IMAGES", "add_images", "add_seed", "add_simulated", "add_simulator", "simulated"]

IMAGES = integer(1, 360)
# Those of Verilator, to which 0 means any.
_SEED = integer(1, (1 << 31) - 1)


def add_simulator(parser: Parser) -> None:
    """``--sim``."""
    parser.add_argument("--sim", help="verilator (default) or icarus; also SIM=")


def add_seed(parser: Parser) -> None:
    """``--seed``."""
    parser.add_argument("--seed", type=_SEED, default=1, help="of operands and simulator")


def add_images(parser: Parser) -> None:
    """``--images``."""
    parser.add_argument("--images", type=IMAGES, default=360, help="test images, 1…360")


def add_simulated(parser: Parser) -> None:
    """Those of ``sim`` and ``gemm``."""
    parser.add_config()
    add_simulator(parser)
    add_seed(parser)
    parser.add_argument("--waves", action="store_true", help="leave an FST; also WAVES=1")
    parser.add_argument(
        "--bare", action="store_true", help="the array alone, where there is a machine around it"
    )


def simulated(args: Namespace) -> tuple[Config, str, bool, dict[str, Any]]:
    """Configuration, simulator, whether the array is alone, and seed and waves."""
    from ... import simulators
    from .. import report

    config = load(args.config, args.target)
    sim_name = simulators.pick(args.sim)
    wish = os.environ.get("WAVES") or "0"
    if wish not in ("0", "1"):
        raise UserError(f"WAVES: must be 0 or 1, not {wish!r}")
    given = {"seed": args.seed, "waves": args.waves or wish == "1"}
    simulators.check_waves(sim_name, given["waves"])
    bare = args.bare or config.machine is None
    if bare and not args.bare:
        if config.core.table != "array":
            rule = "a table [machine] or [array] for this"
            raise UserError(f"CONFIG: must have {rule}, not {config.name}")
        report.console.print(f"{config.name} has no table [machine]: its array alone is run")
    return config, sim_name, bare, given
