"""Stream driver and monitor. Stalls are seeded bit strings, so that a failure replays."""

import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotb.types import LogicArray
from cocotb.utils import get_sim_time

__all__ = ["StreamDriver", "StreamMonitor", "stall_bits"]

_FIXED = {"none": "0", "half": "10", "long": "01111111"}

Word = Mapping[str, int]


def stall_bits(kind: str, seed: int) -> Iterator[bool]:
    """Endless stall pattern; True is a stall.

    ``kind`` is "none", "half" (every other cycle), "long" (seven of eight in a row), or a random
    percentage such as "10".
    """
    if kind in _FIXED:
        return cycle(bit == "1" for bit in _FIXED[kind])
    generator = random.Random(seed)
    percent = int(kind)
    return iter(lambda: generator.randrange(100) < percent, None)


class StreamDriver:
    """Offers words on ``<name>_valid``, ``<name>_ready`` and a signal per field.

    Parameters
    ----------
    dut : cocotb handle
    name : str
        Prefix of the signals.
    fields : iterable of str
        Names of the payload's fields.
    """

    def __init__(self, dut: Any, name: str, fields: Iterable[str]) -> None:
        self._clk = dut.clk
        self._valid = getattr(dut, f"{name}_valid")
        self._ready = getattr(dut, f"{name}_ready")
        self._fields = {field: getattr(dut, f"{name}_{field}") for field in fields}
        self._shown: dict[str, int] = {}
        self._garbage = random.Random(name)
        self.idle()

    def idle(self) -> None:
        """Offer nothing; the payload means nothing meanwhile, and is garbage to show that."""
        self._valid.value = 0
        for signal in self._fields.values():
            width = len(signal)
            if cocotb.SIM_NAME.startswith("Icarus"):
                signal.value = LogicArray("X" * width)
            else:
                signal.value = self._garbage.getrandbits(width)
        self._shown.clear()

    async def send(self, words: Iterable[Word], stalls: Iterator[bool]) -> None:
        """Offer ``words`` one after the other; a True in ``stalls`` is an idle cycle before one."""
        for word in words:
            while next(stalls):
                self.idle()
                await RisingEdge(self._clk)
            for field, value in word.items():
                if self._shown.get(field) != value:
                    self._fields[field].value = value
                    self._shown[field] = value
            self._valid.value = 1
            await RisingEdge(self._clk)
            while (
                not self._ready.value
            ):  # sampled before the edge: it belongs to the cycle that ended
                await RisingEdge(self._clk)
        self.idle()


class StreamMonitor:
    """Takes words from a stream and checks that an offered word stays until it is taken.

    Attributes
    ----------
    words : deque of dict
        What was taken and not yet looked at.
    last_ns : float
        Time of the edge that ended the newest transfer.
    """

    def __init__(self, dut: Any, name: str, fields: Iterable[str]) -> None:
        self._clk = dut.clk
        self._valid = getattr(dut, f"{name}_valid")
        self._ready = getattr(dut, f"{name}_ready")
        self._fields = {field: getattr(dut, f"{name}_{field}") for field in fields}
        self.words: deque[dict[str, int]] = deque()
        self.last_ns = 0.0
        self._ready.value = 0

    async def run(self, stalls: Iterator[bool]) -> None:
        """Take words until cancelled; not ready where ``stalls`` is True."""
        held: dict[str, int] | None = None
        while True:
            stalled = next(stalls)
            self._ready.value = not stalled
            await RisingEdge(self._clk)
            if not self._valid.value:
                assert held is None, f"word withdrawn before it was taken: {held}"
                continue
            word = {field: int(signal.value) for field, signal in self._fields.items()}
            assert held is None or word == held, f"held word {held} became {word}"
            if stalled:
                held = word
            else:
                held = None
                self.words.append(word)
                self.last_ns = get_sim_time("ns")
