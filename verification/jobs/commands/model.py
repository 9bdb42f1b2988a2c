"""A network by the models: cycles, utilisation, traffic."""

from argparse import Namespace

from insitu.hdl.config import load
from insitu.hdl.support.cli import Parser
from insitu.sim_models import workloads


def arguments(parser: Parser) -> None:
    parser.add_config()
    known = f"CSV file or one of {', '.join(workloads.names())}"
    parser.add_argument("--workload", default="resnet50", help=known)


def run(args: Namespace) -> int:
    from .. import machine

    return machine.model(load(args.config, args.target), args.workload)
