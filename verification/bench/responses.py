"""Errors that a memory answers with, at chosen places."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from cocotbext.axi import AxiResp

from .memory import GuardedRam

__all__ = ["Responses"]


@dataclass
class _Channel:
    """``count`` answers so far; the one with number ``bad`` has ``resp`` instead of its own."""

    count: int = 0
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
            port = ram._ports()[name]
            port.send = self._sender(port.send, channel, f"{name}resp")

    @staticmethod
    def _sender(
        send: Callable[[Any], Awaitable[None]], channel: _Channel, field: str
    ) -> Callable[[Any], Awaitable[None]]:
        async def turned(answer: Any) -> None:
            setattr(answer, field, channel.turn(getattr(answer, field)))
            await send(answer)

        return turned

    def begin(self, channel: str = "", bad: int | None = None, resp: Any = AxiResp.OKAY) -> None:
        """Count from 0 again; answer number ``bad`` of ``channel`` is to be ``resp``."""
        for name, one in self._channels.items():
            one.count, one.bad, one.resp = 0, bad if name == channel else None, resp

    def count(self, channel: str) -> int:
        """Answers of a channel so far."""
        return self._channels[channel].count
