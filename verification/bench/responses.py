"""Errors that a memory answers with, at chosen places."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from cocotbext.axi import AxiResp

from .memory import GuardedRam

__all__ = ["Responses"]


@dataclass
class _Channel:
    """``count`` answers so far, with ``ends`` those that end a burst; the one with number ``bad``
    has ``resp`` instead of its own."""

    count: int = 0
    ends: list[int] = field(default_factory=list)
    bad: int | None = None
    resp: AxiResp = AxiResp.OKAY

    def turn(self, given: AxiResp) -> AxiResp:
        found = self.resp if self.count == self.bad else given
        self.count += 1
        return found


class Responses:
    """Counts what a memory answers, words read and bursts written, and makes errors of some.

    Parameters
    ----------
    ram : GuardedRam
        Its data are as ever: an error is in the response alone.
    """

    def __init__(self, ram: GuardedRam) -> None:
        self._channels = {name: _Channel() for name in ("r", "b")}
        for name, channel in self._channels.items():
            port = ram.port(name)
            port.send = self._sender(port.send, channel, f"{name}resp")

    @staticmethod
    def _sender(
        send: Callable[[Any], Awaitable[None]], channel: _Channel, resp: str
    ) -> Callable[[Any], Awaitable[None]]:
        async def turned(answer: Any) -> None:
            if getattr(answer, "rlast", True):
                channel.ends.append(channel.count)
            setattr(answer, resp, channel.turn(getattr(answer, resp)))
            await send(answer)

        return turned

    def begin(self, channel: str = "", bad: int | None = None, resp: Any = AxiResp.OKAY) -> None:
        """Count from 0 again; answer number ``bad`` of ``channel`` is to be ``resp``."""
        for name, one in self._channels.items():
            one.count, one.ends, one.resp = 0, [], resp
            one.bad = bad if name == channel else None

    def bursts(self, channel: str) -> list[range]:
        """Numbers of the answers of each burst so far."""
        ends = self._channels[channel].ends
        return [range(a + 1, b + 1) for a, b in pairwise([-1, *ends])]
