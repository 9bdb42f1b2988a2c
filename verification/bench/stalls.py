"""Which channels of a machine's two ports were held up, and for how many cycles."""

import json
from pathlib import Path
from typing import Any

__all__ = ["MONITOR", "Stalls", "monitored"]

PORTS = ("memory", "registers")
CHANNELS = ("aw", "w", "b", "ar", "r")
MONITOR = Path(__file__).with_name("stalls.v")


def monitored(text: str) -> str:
    """A machine's Verilog ``text`` with what counts, for Verilator: Icarus has no ``bind``."""
    monitor = MONITOR.read_text(encoding="utf-8")
    return f"{text}\n{monitor}\nbind gemm stall_monitor stalls (.*);\n"


class Stalls:
    """The cycles, since it was made, in which each channel was held up.

    A channel that the machine drives is held while it is valid and not ready. One that it waits for
    is late while something is due on it and it is not valid: a word or response of the memory.

    Parameters
    ----------
    dut : cocotb handle
        Of a design that is :func:`monitored`.
    """

    POINTS = tuple(
        f"{port}: {channel} {'late' if port == 'memory' and channel in 'br' else 'held'}"
        for port in PORTS
        for channel in CHANNELS
    )

    def __init__(self, dut: Any) -> None:
        wires = [f"{port}_{channel}" for port in PORTS for channel in CHANNELS]
        self._wires = [getattr(dut.stalls, name) for name in wires]
        self._before = self._now()

    def _now(self) -> list[int]:
        return [int(wire.value) for wire in self._wires]

    @property
    def counts(self) -> dict[str, int]:
        """Cycles by point."""
        pairs = zip(self._now(), self._before, strict=True)
        return dict(zip(self.POINTS, (now - before for now, before in pairs), strict=True))

    @property
    def missing(self) -> list[str]:
        """Points that were not reached."""
        return [point for point, count in self.counts.items() if not count]

    def write(self, path: Path) -> None:
        """As JSON: every point and its cycles."""
        path.write_text(json.dumps(self.counts, indent=2) + "\n", encoding="utf-8")
