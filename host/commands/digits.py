"""The digits network on a board, layer by layer, checked against the golden model."""

from argparse import Namespace
from dataclasses import asdict

from insitu.hdl.support.cli import Parser
from insitu.program.arguments import integer

from .shared import add_port, number, opened


def arguments(parser: Parser) -> None:
    add_port(parser)
    parser.add_argument("--count", default=360, help="images, 1 to 360 (%(default)s)")


def run(args: Namespace) -> int:
    from .. import digits

    count = integer("count", number(int, args.count), 1, 360)
    digits.load()  # what is missing is said before the board is asked
    with opened(args) as device:
        found = digits.run(device, count)
    for name, value in asdict(found).items():
        print(f"{name}: {value}")
    return 0 if found.exact else 1
