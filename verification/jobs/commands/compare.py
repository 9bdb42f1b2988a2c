"""The same GEMMs on every machine, in RTL and by the models; a page of plots."""

from argparse import Namespace

from insitu.hdl.support.cli import Parser

from ..compare.cases import CASES, NETWORKS, PEAKS
from .shared import IMAGES, add_seed, add_simulator


def arguments(parser: Parser) -> None:
    add_simulator(parser)
    add_seed(parser)
    for name, what in (
        ("machines", "configurations to run in RTL"),
        ("cases", f"what they run: {', '.join(CASES)}"),
        ("networks", f"what the models run: {', '.join(NETWORKS)}"),
        ("peaks", f"products per cycle of their machines: {', '.join(map(str, PEAKS))}"),
    ):
        parser.add_argument(f"--{name}", default="all", help=f"{what}; all, none, or some: a,b")
    images = "test images of the digits network, 1…360"
    parser.add_argument("--images", type=IMAGES, default=40, help=images)


def run(args: Namespace) -> int:
    from ... import simulators
    from ..compare.compare import compare

    return compare(
        chosen=args.machines, cases=args.cases, networks=args.networks, peaks=args.peaks,
        images=args.images, sim_name=simulators.pick(args.sim), seed=args.seed,
    )  # fmt: skip
