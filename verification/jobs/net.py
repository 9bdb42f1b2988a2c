"""``make net``: a network that somebody else made, node by node, checked against onnxruntime."""

import importlib.util
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import Config, UserError, load
from insitu.hdl.support.files import (
    BUILD,
    check_writable,
    contents,
    digest,
    kept,
    private_folder,
    write_whole,
)
from insitu.hdl.support.progress import Work, progress
from insitu.host.commands.shared import PORT, settings
from insitu.machine import Machine

from .. import simulators
from . import net_emit, net_report, report
from .net_page import page

if TYPE_CHECKING:
    from insitu.program.networks.graph import Graph
    from insitu.program.networks.network import Network

__all__ = ["run"]

Arrays = dict[str, NDArray[Any]]


def run(args: Namespace) -> int:
    """Everything that is asked for; the exit status."""
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            rule = "be installed: pip install insitu[networks], or make net"
            raise UserError(f"insitu net: {package} must {rule}")
    from insitu.program.networks.network import Network

    config = load(args.config, args.target)
    if config.machine is None and args.on != "board":
        config.shell  # noqa: B018, it says what is missing
    net_emit.check(args)
    if args.output and not args.emit:
        if args.output.suffix != ".npz":
            raise UserError(f"--output: must be a file that ends in .npz, not {str(args.output)!r}")
        check_writable(args.output.absolute().parent)
    graph, inputs = _model(args)
    if args.input:
        inputs = _arrays("--input", args.input)
    with _machine(args, config) as machine:
        network = Network(graph, machine)
        given = network.inputs(inputs, args.seed)
        if args.emit:
            return net_emit.emit(args, network, given)
        return _run(args, network, given)


def _run(args: Namespace, network: "Network", given: Arrays) -> int:
    """Plan, and run if that is asked for; the exit status."""
    graph, config = network.graph, network.machine.config
    name, began = graph.name, time.monotonic()
    with progress(report.console, f"{name}: planning", len(graph.nodes)) as work:
        compiled = network.compile(given, _advancing(work, f"{name}: planning"))
    network.check_products(compiled)
    if args.plan:
        rows = network.plan(given)
        facts = net_report.totals(rows) | net_report.memory(compiled)
        net_report.show(f"{name} on {config.name}", rows, facts, ways=True)
        return 0
    with progress(report.console, f"{name}: running", len(compiled.steps)) as work:
        done = network.run(
            given, check=args.check, tell=lambda row: _advancing(work, name + ":")(row.name)
        )
    took = time.monotonic() - began
    found = report.header("net", config) | {
        "model": name, "on": args.on, "seed": args.seed, "bit_exact": done.exact,
        "status": "ok" if done.exact is not False else "not_bit_exact",
        "nodes": [asdict(row) for row in done.rows],
        **net_report.totals(done.rows), **net_report.memory(compiled),
        "wall_s": round(took, 3),
    }  # fmt: skip
    net_report.show(f"{name} on {config.name} ({args.on})", done.rows, found)
    if args.output:
        with private_folder(args.output.parent / f".{args.output.name}") as scratch:
            np.savez(scratch / "out.npz", **done.outputs)  # type: ignore[arg-type]
            (scratch / "out.npz").replace(args.output)
        report.console.print(f"outputs: {args.output}")
    folder = report.place("net", config, f"{name}-{args.on}")
    folder.mkdir(parents=True, exist_ok=True)
    report.write(folder, found)
    shell = config.machine
    text = page(found, config.core.macs_per_cycle, shell.bus_bytes if shell else 4)
    write_whole(folder / "index.html", text)
    report.console.print(f"page: {folder / 'index.html'}")
    return report.end(folder, found)


def _model(args: Namespace) -> "tuple[Graph, Arrays | None]":
    """The graph, and inputs that came with it."""
    from insitu.program.networks.graph import read
    from insitu.program.networks.models import names, prepared

    if args.model in names():
        path, inputs = prepared(args.model, report.console.print)
        return read(path), inputs
    path = Path(args.model)
    if path.suffix != ".onnx":
        rule = f"an ONNX file (.onnx) or one of {', '.join(names())}"
        raise UserError(f"MODEL: must be {rule}, not {args.model!r}")
    if args.calibrate:
        return read(_quantised(path, args.calibrate)), None
    return read(path), None


def _quantised(path: Path, calibration: Path) -> Path:
    """The float model at ``path`` in 8 bits, kept by what it was made of."""
    from insitu.program.networks.quantise import quantise

    if not path.is_file():
        raise UserError(f"MODEL: must be an ONNX file that exists, not {str(path)!r}")
    data = _arrays("--calibrate", calibration)
    sizes = {len(values) if values.ndim else 0 for values in data.values()}
    if len(sizes) != 1 or 0 in sizes:
        rule = "arrays whose first axis is one number of sets"
        raise UserError(f"--calibrate: must have {rule}, not {sorted(sizes)}")
    sets = [{name: values[n] for name, values in data.items()} for n in range(sizes.pop())]
    key = digest(*contents([path, calibration]))
    with progress(report.console, f"quantising {path.name}"):
        folder = kept(
            BUILD / "models" / f"{path.stem}-{key[:16]}",
            lambda scratch: quantise(path, sets, scratch / f"{path.stem}.onnx"),
        )
    return folder / f"{path.stem}.onnx"


def _arrays(option: str, path: Path) -> Arrays:
    """The arrays of an NPZ file; ``UserError`` if it is none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, AttributeError, EOFError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not"
        raise UserError(f"{option}: {path} must be an NPZ file of arrays: {why}") from None


def _machine(args: Namespace, config: Config) -> Machine:
    if args.on == "board":
        if not args.port:
            raise UserError("--port: must be given with --on board")
        return Machine(config, "board", port=args.port, **settings(args))
    for name, default in PORT.items():
        if getattr(args, name) != default:
            raise UserError(f"--{name}: must be left out with --on {args.on}")
    if args.on != "rtl" or args.emit:
        return Machine(config, "golden" if args.emit else args.on)
    return Machine(config, "rtl", simulator=simulators.pick(args.sim), seed=args.seed)


def _advancing(work: Work, said: str) -> Callable[[str], None]:
    """What is told of each node that is under way."""

    def tell(node: str) -> None:
        work.say(f"{said} {node}")
        work.advance()

    return tell
