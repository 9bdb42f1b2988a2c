"""``python -m insitu.synth.compact``: where the logic cells of the icebreaker's top go.

Each block is mapped alone, as is the whole top; the table goes into ``docs/compact.md``. A logic
cell holds a LUT4, a carry and a flip-flop, so a block takes at least the larger of the first and
the last, and what nextpnr packs of the whole is in between.
"""

import json
from collections.abc import Callable

from amaranth.hdl import Const
from amaranth.lib import wiring
from rich.console import Console

from insitu.hdl.boards import board
from insitu.hdl.bus.frames import FrameSender
from insitu.hdl.bus.link import Link
from insitu.hdl.bus.uart import UartReceiver, UartTransmitter
from insitu.hdl.compact.check import Check
from insitu.hdl.compact.control import CompactControl
from insitu.hdl.compact.finish import Finish
from insitu.hdl.compact.machine import CompactMachine
from insitu.hdl.compact.memory import SharedMemory
from insitu.hdl.compact.requantise import SerialRequantise
from insitu.hdl.compact.rows import Rows
from insitu.hdl.compact.stream import Stream
from insitu.hdl.compact.sums import Sums
from insitu.hdl.export import Flat, to_rtlil, yosys
from insitu.hdl.support.cli import main
from insitu.hdl.support.progress import progress
from insitu.hdl.support.tools import scratch_folder

from . import docs
from .bitstream import SYNTH
from .flow import count_cells, prepare

__all__ = ["PAGE", "blocks", "table"]

PAGE = docs.README.parent / "docs" / "compact.md"
BOARD = "icebreaker"
COLUMNS = ("lut4", "ff", "carry", "dsp", "bram")


def blocks() -> dict[str, Callable[[], wiring.Component]]:
    """By the name that the page gives them."""
    chosen = board(BOARD)
    whole = chosen.machine()
    config = whole.compact
    words = (0, 0, chosen.memory, chosen.frame_words, round(chosen.clock_hz))
    bit = round(chosen.clock_hz / chosen.baud)
    machine = CompactMachine(config, int(whole.hash, 16))
    return {
        "uart, in": lambda: UartReceiver(bit),
        "uart, out": lambda: UartTransmitter(bit),
        "link": lambda: Link(chosen.frame_words, words),
        "frames, out": FrameSender,
        "memory": lambda: SharedMemory(config),
        "control": lambda: CompactControl(config, machine.constants()),
        "check": lambda: Check(config),
        "stream": lambda: Stream(config),
        "rows": lambda: Rows(config),
        "sums": lambda: Sums(config),
        "finish": lambda: Finish(config),
        "of that, requantiser": lambda: SerialRequantise(config),
        "all of the machine": lambda: machine,
        "the whole top": lambda: chosen.top(whole),
    }


class _Ports(Flat):
    """Without ports that are constants, as ``ready`` of a stream that is always taken."""

    def __init__(self, component: wiring.Component) -> None:
        super().__init__(component)
        fixed = [port.name for inner, port in self._inputs if isinstance(inner, Const)]
        self._inputs = [pair for pair in self._inputs if pair[1].name not in fixed]
        self.ports = {name: port for name, port in self.ports.items() if name not in fixed}


def _mapped(component: wiring.Component) -> dict[str, int]:
    with scratch_folder() as path:
        (path / "in.il").write_text(to_rtlil(_Ports(component), "top"), encoding="utf-8")
        script = f"read_rtlil in.il\n{prepare('machine')}{SYNTH['ice40']} -top top -json out.json\n"
        yosys.run(script, cwd=path)
        return count_cells(json.loads((path / "out.json").read_text(encoding="utf-8")))


def table(console: Console) -> str:
    """All of it, in some minutes."""
    lines = ["| block | LUT4 | FF | carry | DSP | block RAM |", "|---|" + "--:|" * 5]
    parts = blocks()
    with progress(console, "mapping", len(parts)) as work:
        for name, make in parts.items():
            cells = _mapped(make())
            lines.append(f"| {name} | " + " | ".join(f"{cells[key]:,}" for key in COLUMNS) + " |")
            work.advance()
    return "\n".join(lines)


def job() -> int:
    console = Console(highlight=False)
    found = table(console)
    console.print(found)
    changed = docs.update(PAGE, "cells", found)
    console.print(f"docs/compact.md {'changed' if changed else 'is up to date'}")
    return 0


if __name__ == "__main__":
    main(job)
