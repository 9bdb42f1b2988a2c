"""``make net``: a network that somebody else made, node by node, checked against onnxruntime."""

import importlib.util
import time
from argparse import Namespace
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
from insitu.hdl.support.progress import progress

from .. import simulators
from . import report
from .net_page import page

if TYPE_CHECKING:
    from insitu.program.networks.network import Done, Network, Row

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
    if args.output:
        if args.output.suffix != ".npz":
            raise UserError(f"--output: must be a file that ends in .npz, not {str(args.output)!r}")
        check_writable(args.output.absolute().parent)
    graph, inputs = _model(args)
    name = graph.name
    network = Network(graph, _machine(args, config))
    if args.input:
        inputs = _arrays("--input", args.input)
    given = network.inputs(inputs, args.seed)
    if args.plan:
        return _plan(network, given)
    began = time.monotonic()
    rows: list[Row] = []
    with progress(report.console, f"{name}: planning", len(graph.nodes)) as work:

        def tell(row: "Row") -> None:
            rows.append(row)
            work.say(f"{name}: {len(rows)} of {len(graph.nodes)} nodes, {row.name}")
            work.advance()

        done = network.run(given, check=args.check, tell=tell)
    took = time.monotonic() - began
    found = _facts(network, config, args, done) | {"wall_s": round(took, 3)}
    _show(name, config, args.on, done.rows, found)
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


def _model(args: Namespace):
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


def _machine(args: Namespace, config: Config):
    from insitu.machine import Machine

    if args.on == "board":
        if not args.port:
            raise UserError("--port: must be given with --on board")
        return Machine(config, "board", port=args.port)
    if args.port:
        raise UserError(f"--port: must be left out with --on {args.on}")
    if args.on != "rtl":
        return Machine(config, args.on)
    return Machine(config, "rtl", simulator=simulators.pick(args.sim), seed=args.seed)


def _plan(network: "Network", given: Arrays) -> int:
    rows = network.plan(given)
    _table(f"{network.graph.name} on {network.machine.config.name}", rows, checked=False)
    return 0


def _facts(network: "Network", config: Config, args: Namespace, done: "Done") -> dict[str, Any]:
    rows = done.rows
    ours = [row for row in rows if row.where == "machine"]
    keys = ("cycles", "model_cycles", "bytes")
    total = {key: sum(getattr(row, key) or 0 for row in ours) for key in keys}
    return report.header("net", config) | {
        "model": network.graph.name,
        "on": args.on,
        "seed": args.seed,
        "bit_exact": done.exact,
        "status": "ok" if done.exact is not False else "not_bit_exact",
        "nodes": [asdict(row) for row in rows],
        "macs": sum(row.macs for row in rows),
        "macs_on_machine": sum(row.macs for row in ours),
        **total,
        "host_nodes": len(rows) - len(ours),
    }


def _show(name: str, config: Config, on: str, rows: "list[Row]", found: dict[str, Any]) -> None:
    _table(f"{name} on {config.name} ({on})", rows, checked=found["bit_exact"] is not None)
    share = found["macs_on_machine"] / max(1, found["macs"])
    report.console.print(
        f"{found['macs_on_machine']:,} of {found['macs']:,} products on the machine "
        f"({100 * share:.1f} %), {found['cycles']:,} cycles, {found['bytes']:,} bytes over the "
        f"bus, {found['host_nodes']} nodes on the host"
    )
    compared = [row.different for row in rows if row.different is not None]
    if compared:
        report.console.print(
            f"{sum(compared):,} elements of {len(compared)} tensors differ from onnxruntime's"
        )


def _table(title: str, rows: "list[Row]", *, checked: bool) -> None:
    """The nodes of the machine, and in a line each kind of node that the host has."""
    keys = ["node", "op", "products", "cycles", "used", "bytes"]
    keys += ["wrong"] if checked else []
    shown = [
        [row.name[-40:], row.op, row.macs, row.cycles or 0, row.utilisation or 0.0, row.bytes or 0,
         *([row.different or 0] if checked else [])]
        for row in rows if row.where == "machine"
    ]  # fmt: skip
    report.table(title, keys, shown)
    there: dict[tuple[str, str], int] = {}
    for row in rows:
        if row.where == "host":
            there[row.op, row.why] = there.get((row.op, row.why), 0) + 1
    for (op, why), count in there.items():
        report.console.print(f"host: {count} × {op}: {why}")
