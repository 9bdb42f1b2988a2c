"""The digits network on a simulated board, over its serial line."""

from argparse import Namespace

from insitu.hdl.boards.boards import BOARDS, board
from insitu.hdl.support.cli import Parser

from .shared import add_images, add_seed, add_simulator


def arguments(parser: Parser) -> None:
    add_simulator(parser)
    add_seed(parser)
    add_images(parser)
    parser.add_argument("--board", default="ulx3s-85f", help=f"one of {', '.join(BOARDS)}")
    parser.add_argument("--config", help="another machine than the board's own")


def run(args: Namespace) -> int:
    from ... import simulators
    from ..board import board_sim

    chosen = board(args.board)
    config = chosen.machine(args.config, "generic")
    sim_name = simulators.pick(args.sim)
    return board_sim(chosen, config, sim_name, count=args.images, seed=args.seed)
