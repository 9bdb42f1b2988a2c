"""The digits network on analog cells, by the numpy model."""

from argparse import Namespace

from insitu.hdl.config import load
from insitu.hdl.support.cli import Parser, integer


def arguments(parser: Parser) -> None:
    parser.add_config("cim-64x16")
    parser.add_argument(
        "--rows", type=integer(0), default=0, help="rows per converter; 0, the default: all"
    )


def run(args: Namespace) -> int:
    from .. import analog

    return analog.analog(load(args.config, args.target), rows=args.rows, count=360)
