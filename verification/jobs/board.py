"""``make board-sim``: the driver of ``host/`` against a simulated board, over its UART pins."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from insitu.hdl.boards import Board
from insitu.hdl.config import Config, UserError
from insitu.hdl.export import to_verilog
from insitu.hdl.support.files import private_folder
from insitu.hdl.support.progress import progress
from insitu.host.device import Device
from insitu.host.digits import run
from insitu.host.link import HostError
from insitu.sim_models import digits

from .. import simulators
from . import report

__all__ = ["board_sim", "simulated"]

BIT = 8
"""Cycles per bit in tests; boards have as many or more."""
FAST = 6
"""In long runs: the fewest there may be, as the line takes most of the time."""
ANSWER_S = 600.0
SERIAL = Path(__file__).resolve().parents[1] / "bench" / "serial.v"


def _text(board: Board, config: Config, bit: int) -> str:
    return to_verilog(board.top(config, baud=round(board.clock_hz / bit)), "board")


def _build(sim_name: str, text: str, *, fast: bool = True) -> simulators.Build:
    return simulators.build(
        sim_name, "serial", text + SERIAL.read_text(encoding="utf-8"), fast=fast
    )


@contextmanager
def simulated(
    board: Board,
    config: Config,
    sim_name: str,
    folder: Path,
    text: str = "",
    *,
    bit: int = BIT,
    fast: bool = True,
    seed: int = 1,
) -> Iterator[str]:
    """A board that runs until the end of the block: the terminal at the end of its serial line.

    ``text``: Verilog of its netlist instead of its RTL, of ``bit`` cycles per bit; ``fast`` and
    ``seed``: as of :mod:`insitu.verification.simulators`. ``SimulationError`` at the end if the
    simulation failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, stop = folder / "port.txt", folder / "stop"
    for path in (port, stop):
        path.unlink(missing_ok=True)
    build = _build(sim_name, text or _text(board, config, bit), fast=fast)
    errors: list[Exception] = []

    def serve() -> None:
        try:
            env = {"INSITU_BIT": str(bit)}
            simulators.run(
                build, "insitu.verification.boards.tb_serial", cwd=folder, env=env, seed=seed
            )
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    while not port.is_file() and thread.is_alive():
        time.sleep(0.1)
    try:
        if thread.is_alive():
            yield port.read_text(encoding="utf-8")
    finally:
        stop.touch()
        thread.join()
        if errors:
            raise errors[0]


def board_sim(board: Board, config: Config, sim_name: str, *, count: int, seed: int) -> int:
    """The digits network over the serial line; the exit status."""
    digits.check(config, compact=config.small is not None)
    case = report.case_of(board.name, images=count, seed=seed, sim=sim_name)
    folder = report.place("board-sim", config, case)
    with private_folder(folder) as work:
        with progress(report.console, f"building {board.name} with {config.name} for {sim_name}"):
            text = _text(board, config, FAST)
            _build(sim_name, text)
        began = time.monotonic()
        try:
            with simulated(board, config, sim_name, work, text, bit=FAST, seed=seed) as port:
                device = Device.open(port, timeout=ANSWER_S, patience=ANSWER_S)
                outcome = run(device, count)
        except HostError as error:
            raise UserError(str(error)) from None
        full = report.header("board-sim", config, text, sim_name, seed)
        full |= {"board": board.name, "status": "ok" if outcome.exact else "not_bit_exact"}
        full |= {"bit_exact": outcome.exact, "wall_s": round(time.monotonic() - began, 1)}
        full |= asdict(outcome) | {"about_the_board": asdict(device.board)}
        report.write(work, full)
    keys = ["images", "accuracy", "macs", "cycles", "repeated", "wall_s", "bit_exact"]
    report.table(f"digits on {board.name}, {config.name}", keys, [[full[key] for key in keys]])
    return report.end(folder, full)
