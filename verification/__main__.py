"""``python -m verification``: runs real work through the hardware and checks every bit."""

import argparse
import os

from hdl.cli import Parser, at_least, main
from hdl.config import UserError, load

from . import jobs, simulators


def _percent(text: str) -> int:
    if not text.isdigit() or int(text) > 95:
        raise argparse.ArgumentTypeError(f"must be an integer from 0 to 95, not {text!r}")
    return int(text)


def _parser() -> Parser:
    parser = Parser(prog="python -m verification", description=__doc__)
    commands = parser.add_subparsers(dest="job", required=True)
    shared = Parser(add_help=False)
    shared.add_config()
    shared.add_argument("--sim", help="verilator (default) or icarus; also SIM=")
    shared.add_argument("--seed", type=at_least(0), default=1, help="of operands and simulator")
    shared.add_argument("--waves", action="store_true", help="leave an FST; also WAVES=1")
    sim = commands.add_parser("sim", parents=[shared], help="the digits network, layer by layer")
    sim.add_argument(
        "--images",
        type=int,
        choices=range(1, 361),
        default=360,
        metavar="1…360",
        help="test images",
    )
    gemm = commands.add_parser("gemm", parents=[shared], help="one GEMM with random operands")
    for name in "mnk":
        gemm.add_argument(f"-{name}", type=at_least(1), default=64, help=f"{name.upper()}, from 1")
    gemm.add_argument("--stall", type=_percent, default=0, help="per cent of stalled cycles, 0…95")
    return parser


def job() -> int:
    args = _parser().parse_args()
    sim_name = simulators.pick(args.sim)
    config = load(args.config, args.target)
    wish = os.environ.get("WAVES") or "0"
    if wish not in ("0", "1"):
        raise UserError(f"WAVES: must be 0 or 1, not {wish!r}")
    waves = args.waves or wish == "1"
    if args.job == "sim":
        return jobs.sim(config, sim_name, count=args.images, seed=args.seed, waves=waves)
    return jobs.gemm(
        config, sim_name, args.m, args.n, args.k, seed=args.seed, waves=waves, stall=args.stall
    )


if __name__ == "__main__":
    main(job)
