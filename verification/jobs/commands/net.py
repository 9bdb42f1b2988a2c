"""A network of yours, from an ONNX file: what runs where, and its outputs, equal to onnxruntime's.

Products of integers run on the machine, every other node on the host, by onnxruntime. A float model
is quantised first if it is told with which data.
"""

import re
from argparse import ArgumentTypeError, BooleanOptionalAction, Namespace
from pathlib import Path

from insitu.hdl.config import UserError
from insitu.hdl.support.cli import Parser
from insitu.host.commands.shared import add_port

from .shared import add_seed, add_simulator

NAMES = (
    "digits", "mnist", "espcn", "attacut", "textline", "espcn-32", "minilm", "textrec", "captcha",
)  # fmt: skip


def arguments(parser: Parser) -> None:
    which = f"ONNX file, or one by name: {', '.join(NAMES)}"
    parser.add_argument("model", nargs="?", help=which)
    parser.add_argument("--model", dest="named", help="the same as an option")
    parser.add_config()
    places = "where products run: rtl (default, simulated), golden, model or board"
    parser.add_argument("--on", choices=["golden", "model", "rtl", "board"], default="rtl",
                        help=places)  # fmt: skip
    add_port(parser, required=False)
    parser.add_argument("--input", type=Path, help="NPZ file with an array per input; "
                        "random ones if left out")  # fmt: skip
    parser.add_argument("--output", type=Path, help="NPZ file for the outputs")
    parser.add_argument("--check", action=BooleanOptionalAction, default=True,
                        help="compare every tensor of the machine with onnxruntime's")  # fmt: skip
    parser.add_argument("--plan", action="store_true", help="show what runs where, and stop")
    parser.add_argument("--calibrate", type=Path, help="NPZ file with inputs of a float model, "
                        "their first axis over sets: quantise it first")  # fmt: skip
    parser.add_argument("--emit", choices=["c"], help="write it for software beside the machine, "
                        "into the folder --output or one of its own, and stop")  # fmt: skip
    parser.add_argument("--base", type=address, help="first byte of memory of what is emitted; 0")
    add_simulator(parser)
    add_seed(parser)


def address(text: str) -> int:
    """A byte of memory, in decimal or with 0x."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}", text):
        return int(text, 16 if text[:2] in ("0x", "0X") else 10)
    raise ArgumentTypeError(f"must be an address such as 0x40000000, not {text!r}")


def run(args: Namespace) -> int:
    from .. import net

    if (args.model is None) == (args.named is None):
        found = "none" if args.model is None else "two"
        raise UserError(f"MODEL: must be an ONNX file or one of {', '.join(NAMES)}, not {found}")
    args.model = args.model or args.named
    return net.run(args)
