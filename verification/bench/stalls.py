"""Which channels of a machine's two ports were held up in a run."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from cocotb.triggers import RisingEdge

__all__ = ["Stalls"]

PORTS = {"m_axi": "memory", "s_axil": "registers"}
CHANNELS = ("aw", "w", "b", "ar", "r")


class Stalls:
    """Counts the cycles in which each channel was held up.

    A channel that the machine drives is held while it is valid and not ready. One that it waits for
    is late while something is due on it and it is not valid: a word or response of the memory.

    Parameters
    ----------
    dut : cocotb handle
        Has ``clk``, and the ports ``m_axi`` and ``s_axil``.
    """

    POINTS = tuple(
        f"{port}: {channel} {how}"
        for port, channels in (
            ("memory", {"aw": "held", "w": "held", "b": "late", "ar": "held", "r": "late"}),
            ("registers", dict.fromkeys(CHANNELS, "held")),
        )
        for channel, how in channels.items()
    )

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self.counts: Counter[str] = Counter()

    async def watch(self) -> None:
        """Until it is cancelled; there must be no reset meanwhile."""
        dut = self._dut
        wires = {
            f"{name}: {channel}": [
                getattr(dut, f"{port}_{channel}{wire}") for wire in ("valid", "ready")
            ]
            for port, name in PORTS.items()
            for channel in CHANNELS
        }
        due = {"b": 0, "r": 0}
        while True:
            await RisingEdge(dut.clk)
            valid, taken = {}, {}
            for name, pair in wires.items():
                is_valid, is_ready = (bool(wire.value) for wire in pair)
                valid[name], taken[name] = is_valid, is_valid and is_ready
                if is_valid and not is_ready:
                    self.counts[f"{name} held"] += 1
            for channel, asked, last in (
                ("b", taken["memory: w"] and bool(dut.m_axi_wlast.value), True),
                ("r", taken["memory: ar"], bool(dut.m_axi_rlast.value)),
            ):
                name = f"memory: {channel}"
                if due[channel] and not valid[name]:
                    self.counts[f"{name} late"] += 1
                due[channel] += asked - (taken[name] and last)

    @property
    def missing(self) -> list[str]:
        """Points that were not reached."""
        return [point for point in self.POINTS if not self.counts[point]]

    def write(self, path: Path) -> None:
        """As JSON: every point and its cycles."""
        path.write_text(
            json.dumps({p: self.counts[p] for p in self.POINTS}, indent=2) + "\n", encoding="utf-8"
        )
