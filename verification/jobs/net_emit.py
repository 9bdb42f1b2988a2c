"""``make net EMIT=c``: a network in C, for software beside the machine."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from insitu.hdl.config import UserError
from insitu.hdl.support.files import write_whole
from insitu.hdl.support.progress import progress

from . import report

if TYPE_CHECKING:
    from insitu.program.networks.network import Network

__all__ = ["check", "emit"]


def check(args: Namespace) -> None:
    """``UserError`` for options that do not fit each other."""
    if not args.emit:
        if args.base is not None:
            raise UserError("--base: must be left out without --emit")
        return
    if args.on != "rtl":
        raise UserError("--on: must be left out with --emit, which runs nothing")
    if not args.check:
        raise UserError("--no-check: must be left out with --emit, which runs nothing")
    if args.plan:
        raise UserError("--plan: must be left out with --emit")
    if args.output and args.output.exists() and not args.output.is_dir():
        raise UserError(f"--output: must be a folder with --emit, not {str(args.output)!r}")


def emit(args: Namespace, network: "Network", inputs: dict[str, NDArray[Any]]) -> int:
    """Write header and source; the exit status."""
    name, config = network.graph.name, network.machine.config
    with progress(report.console, f"{name}: planning", len(network.graph.nodes)) as work:

        def tell(node: str) -> None:
            work.say(f"{name}: planning {node}")
            work.advance()

        found = network.emit(name, inputs, args.base or 0, tell)
    folder: Path = args.output or report.place("net", config, f"{name}-c")
    for end, text in (("h", found.header), ("c", found.source)):
        write_whole(folder / f"{found.name}.{end}", text)
    report.console.print(f"{folder / found.name}.h, {found.name}.c; functions to write:")
    for call in found.calls:
        report.console.print(f"  {call.function} ({call.node.op})")
    return 0
