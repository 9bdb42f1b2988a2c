"""The digits network on the RTL, layer by layer, checked bit for bit."""

from argparse import Namespace

from insitu.hdl.support.cli import Parser

from .shared import add_images, add_simulated, simulated


def arguments(parser: Parser) -> None:
    add_simulated(parser)
    add_images(parser)


def run(args: Namespace) -> int:
    from .. import array, machine

    config, sim_name, bare, given = simulated(args)
    job = array.sim if bare else machine.sim
    return job(config, sim_name, count=args.images, **given)
