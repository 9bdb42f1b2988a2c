"""Energy and power of a unit under a workload, from its activity.

In cells of a Liberty library, or on an FPGA: the iCE40UP5K calibrated by published currents, ECP5
extrapolated from it. Each run checks the unit's outputs as well.
"""

import argparse
import glob
import os
import re
import shlex
from pathlib import Path

from insitu.hdl.config import config_names
from insitu.hdl.support.cli import Parser

from ..units import UNITS
from .names import DRIVEN, MHZ, WORKLOADS


def _clock(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e5:
        raise argparse.ArgumentTypeError(f"must be a clock in MHz, not {text!r}")
    return value


def _pattern(text: str) -> str:
    if not re.fullmatch(r"[\w*?.$\[\]]+", text):
        raise argparse.ArgumentTypeError(f"must be names of cells or patterns, not {text!r}")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"\w[\w.-]{,99}", text):
        raise argparse.ArgumentTypeError(
            f"must be a name of letters, digits, . and -, not {text!r}"
        )
    return text


def _files(text: str) -> list[Path]:
    """A file, or several with blanks between them, as a variable of make has them.

    The whole text if there is a file of that name; else its words, which can be quoted, each a
    path or a pattern of paths, and ``~`` a home. A pattern that none goes with stays as it is.
    """
    whole = os.path.expanduser(text)
    try:
        words = [] if os.path.exists(whole) else shlex.split(text)
    except ValueError:  # a quote without its other one
        words = []
    found: list[str] = []
    for path in map(os.path.expanduser, words or [whole]):
        found += (not os.path.exists(path) and sorted(glob.glob(path))) or [path]
    return [Path(path) for path in found]


def arguments(parser: Parser) -> None:
    known = "; ".join(f"{name}: {what}" for name, what in WORKLOADS.items())
    parser.epilog = f"workloads: {known}"
    names = ", ".join(config_names())
    parser.add_argument("--config", default="ws-8x8", help=f"TOML file or one of {names}")
    parser.add_argument(
        "--unit", default="array",
        help=f"with workloads of their own: {', '.join(DRIVEN)}; others: {', '.join(UNITS)}",
    )  # fmt: skip
    parser.add_argument("--workload", default="random", help=", ".join(WORKLOADS))
    parser.add_argument(
        "--device",
        help="up5k, ecp5-85f, ecp5-25f; the first of the configuration's family if left out",
    )
    parser.add_argument(
        "--liberty", nargs="+", type=_files, metavar="FILE", help="Liberty files, plain or .gz"
    )
    parser.add_argument(
        "--dont-use",
        nargs="+",
        default=[],
        metavar="CELL",
        type=_pattern,
        help="cells, by pattern",
    )
    parser.add_argument(
        "--mhz", type=_clock,
        help="clock that power is stated at; " + ", ".join(f"{k} {v:g}" for k, v in MHZ.items()),
    )  # fmt: skip
    parser.add_argument(
        "--record", metavar="NAME", type=_name,
        help="all that docs/power.md shows of this library or device, to synth/power/results",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    from . import measure

    return measure.run(args)
