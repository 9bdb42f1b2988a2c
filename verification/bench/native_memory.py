"""The memory in C++ that a machine has, as :class:`~.memory.GuardedRam` is one in Python."""

import ctypes
import random
from itertools import pairwise
from typing import Any

from .memory import CHANNELS, Window
from .native import library

__all__ = ["NativeRam", "NativeResponses"]

PACES = ((0, 8), (0, 8), (3, 2), (20, 8), (1, 1))
"""Cycles to the first answer, and how many bursts of each direction are under way at most."""


class _Bytes:
    """``read`` and ``write`` as those of cocotbext-axi's memory."""

    def read(self, address: int, length: int) -> bytes:
        found = ctypes.create_string_buffer(length)
        library().memory_read(address, found, length)
        return found.raw

    def write(self, address: int, content: bytes | bytearray) -> None:
        library().memory_write(address, bytes(content), len(content))


class NativeRam:
    """The methods of :class:`~.memory.GuardedRam`; there is one memory in a simulation."""

    def __init__(self) -> None:
        library().memory_begin()
        self.memory = _Bytes()
        self._broken: list[str] = []

    @property
    def broken(self) -> list[str]:
        """What was touched outside the windows."""
        found = (ctypes.c_uint64 * 3)()
        while library().memory_broken(found):
            what = "write" if found[0] else "read"
            self._broken.append(f"{what} of {found[2]} bytes at {found[1]:#x}")
        return self._broken

    def allow(self, reads: list[Window] | None, writes: list[Window] | None) -> None:
        """From now on only these bytes may be read and written; ``None``: any may be."""
        for write, windows in enumerate((reads, writes)):
            numbers = [x for window in windows or [] for x in window.numbers]
            array = (ctypes.c_uint64 * len(numbers))(*numbers)
            library().memory_allow(write, windows is None, array, len(numbers) // 4)

    def stop(self, channel: str) -> None:
        """Pause a channel until :meth:`stall` is called for it."""
        library().memory_stall(CHANNELS.index(channel), b"stop", 0)

    def stall(self, kinds: dict[str, str], seed: int) -> None:
        """Pause channels: ``kinds`` maps names of ``CHANNELS`` to patterns of ``stall_bits``.

        All of them: the memory's latency is drawn again as well.
        """
        for n, (name, kind) in enumerate(sorted(kinds.items())):
            library().memory_stall(CHANNELS.index(name), kind.encode(), seed + n)
        if len(kinds) == len(CHANNELS):
            library().memory_pace(*random.Random(seed).choice(PACES))

    def responses(self) -> "NativeResponses":
        """Its answers, counted."""
        return NativeResponses()


class NativeResponses:
    """The methods of :class:`~.responses.Responses`."""

    def begin(self, channel: str = "", bad: int | None = None, resp: Any = 0) -> None:
        """Count from 0 again; answer number ``bad`` of ``channel`` is to be ``resp``."""
        for write, name in enumerate("rb"):
            place = (1 << 64) - 1 if bad is None or name != channel else bad
            library().memory_answers(write, place, int(resp))

    def bursts(self, channel: str) -> list[range]:
        """Numbers of the answers of each burst so far."""
        write = "rb".index(channel)
        count = library().memory_ends(write, None, 0)
        ends = (ctypes.c_uint64 * count)()
        library().memory_ends(write, ends, count)
        return [range(a + 1, b + 1) for a, b in pairwise([-1, *ends])]
