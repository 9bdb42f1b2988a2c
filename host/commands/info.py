"""What a board on a serial port is: its machine, memory, clock."""

from argparse import Namespace

from insitu.hdl.support.cli import Parser

from .shared import add_port, opened


def arguments(parser: Parser) -> None:
    add_port(parser)


def run(args: Namespace) -> int:
    with opened(args):
        return 0
