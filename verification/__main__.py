"""``python -m verification``: runs real work through the hardware and checks every bit."""

import os
from typing import Any

from hdl.boards import BOARDS, board
from hdl.cli import Parser, integer, main
from hdl.config import UserError, load
from sim_models import workloads
from sim_models.descriptor import FORMATS

from . import analog_job, array_jobs, board_job, core_jobs, report, simulators
from .compare_models import NETWORKS, PEAKS
from .compare_tables import CASES

_images = integer(1, 360)
# Those of Verilator, to which 0 means any.
_seed = integer(1, (1 << 31) - 1)


def _parser() -> Parser:
    parser = Parser(prog="python -m verification", description=__doc__)
    commands = parser.add_subparsers(dest="job", required=True)
    shared = Parser(add_help=False)
    shared.add_config()
    simulator = Parser(add_help=False)
    simulator.add_argument("--sim", help="verilator (default) or icarus; also SIM=")
    tested = Parser(add_help=False)
    tested.add_argument("--images", type=_images, default=360, help="test images, 1…360")
    seeded = Parser(add_help=False)
    seeded.add_argument("--seed", type=_seed, default=1, help="of operands and simulator")
    simulated = Parser(add_help=False, parents=[simulator, seeded])
    simulated.add_argument("--waves", action="store_true", help="leave an FST; also WAVES=1")
    simulated.add_argument(
        "--bare", action="store_true", help="the array alone, where there is a machine around it"
    )
    commands.add_parser(
        "sim", parents=[shared, simulated, tested], help="the digits network, layer by layer"
    )
    gemm = commands.add_parser(
        "gemm", parents=[shared, simulated], help="one GEMM with random operands"
    )
    for name in "mnk":
        what = f"{name.upper()}, from 1"
        gemm.add_argument(f"-{name}", f"--{name}", type=integer(1), default=64, help=what)
    gemm.add_argument("--format", choices=FORMATS, help="of C, int8 by default; machines only")
    gemm.add_argument(
        "--stall",
        type=integer(0, 95),
        default=0,
        help="per cent of stalled cycles, 0…95; arrays only",
    )
    model = commands.add_parser(
        "model", parents=[shared], help="a network by the models: cycles, utilisation, traffic"
    )
    model.add_argument(
        "--workload", default="resnet50", help=f"CSV file or one of {', '.join(workloads.names())}"
    )
    tiled = Parser(add_help=False)
    tiled.add_config("cim-64x16")
    analog = commands.add_parser(
        "analog", parents=[tiled], help="the digits network on analog cells, by the numpy model"
    )
    analog.add_argument(
        "--rows", type=integer(0), default=0, help="rows per converter; 0, the default: all"
    )
    _add_compare(commands, simulator, seeded)
    boards = commands.add_parser(
        "board-sim",
        parents=[simulator, seeded, tested],
        help="the digits network on a simulated board, over its serial line",
    )
    boards.add_argument("--board", default="ulx3s-85f", help=f"one of {', '.join(BOARDS)}")
    boards.add_argument("--config", help="another machine than the board's own")
    return parser


def _add_compare(commands: Any, simulator: Parser, seeded: Parser) -> None:
    compared = commands.add_parser(
        "compare",
        parents=[simulator, seeded],
        help="the same GEMMs on every machine, in RTL and by the models",
    )
    for name, what in (
        ("machines", "configurations to run in RTL"),
        ("cases", f"what they run: {', '.join(CASES)}"),
        ("networks", f"what the models run: {', '.join(NETWORKS)}"),
        ("peaks", f"products per cycle of their machines: {', '.join(map(str, PEAKS))}"),
    ):
        compared.add_argument(f"--{name}", default="all", help=f"{what}; all, none, or some: a,b")
    compared.add_argument(
        "--images", type=_images, default=40, help="test images of the digits network, 1…360"
    )


def job() -> int:
    args = _parser().parse_args()
    if args.job == "compare":
        from .compare import compare

        return compare(
            chosen=args.machines, cases=args.cases, networks=args.networks, peaks=args.peaks,
            images=args.images, sim_name=simulators.pick(args.sim), seed=args.seed,
        )  # fmt: skip
    if args.job == "board-sim":
        chosen = board(args.board)
        config = chosen.machine(args.config, "generic")
        sim_name = simulators.pick(args.sim)
        return board_job.board_sim(chosen, config, sim_name, count=args.images, seed=args.seed)
    config = load(args.config, args.target)
    if args.job == "model":
        return core_jobs.model(config, args.workload)
    if args.job == "analog":
        return analog_job.analog(config, rows=args.rows, count=360)
    sim_name = simulators.pick(args.sim)
    wish = os.environ.get("WAVES") or "0"
    if wish not in ("0", "1"):
        raise UserError(f"WAVES: must be 0 or 1, not {wish!r}")
    given: dict[str, Any] = {"seed": args.seed, "waves": args.waves or wish == "1"}
    simulators.check_waves(sim_name, given["waves"])
    jobs = array_jobs if args.bare or config.machine is None else core_jobs
    if jobs is array_jobs and not args.bare:
        if config.systolic is None:
            rule = "a table [machine] or [array] for this"
            raise UserError(f"CONFIG: must have {rule}, not {config.name}")
        report.console.print(f"{config.name} has no table [machine]: its array alone is run")
    if args.job == "sim":
        return jobs.sim(config, sim_name, count=args.images, **given)
    sizes = args.m, args.n, args.k
    if jobs is array_jobs:
        if args.format:
            raise UserError(f"FORMAT: must be left out for a bare array, not {args.format!r}")
        return array_jobs.gemm(config, sim_name, *sizes, stall=args.stall, **given)
    if args.stall:
        raise UserError(
            f"STALL: must be 0 on a machine, not {args.stall}; BARE=1 is the array alone"
        )
    return core_jobs.gemm(config, sim_name, *sizes, format=args.format or "int8", **given)


if __name__ == "__main__":
    main(job)
