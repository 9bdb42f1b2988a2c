"""One GEMM with random operands on the RTL, checked bit for bit."""

from argparse import Namespace

from insitu.hdl.config import UserError
from insitu.hdl.support.cli import Parser, integer
from insitu.program.descriptor import FLOAT_RESULTS, FORMATS

from .shared import add_simulated, simulated


def arguments(parser: Parser) -> None:
    add_simulated(parser)
    for name in "mnk":
        what = f"{name.upper()}, from 1"
        parser.add_argument(f"-{name}", f"--{name}", type=integer(1), default=64, help=what)
    what = "of C: int8 by default, fp32 of floating-point numbers; machines only"
    parser.add_argument("--format", choices=(*FORMATS, *FLOAT_RESULTS), help=what)
    stall = "per cent of stalled cycles, 0…95; arrays only"
    parser.add_argument("--stall", type=integer(0, 95), default=0, help=stall)


def run(args: Namespace) -> int:
    from .. import array, machine

    config, sim_name, bare, given = simulated(args)
    sizes = args.m, args.n, args.k
    if bare:
        if args.format:
            raise UserError(f"FORMAT: must be left out for a bare array, not {args.format!r}")
        return array.gemm(config, sim_name, *sizes, stall=args.stall, **given)
    if args.stall:
        raise UserError(
            f"STALL: must be 0 on a machine, not {args.stall}; BARE=1 is the array alone"
        )
    return machine.gemm(config, sim_name, *sizes, format=args.format, **given)
