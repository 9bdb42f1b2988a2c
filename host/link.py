"""Requests to a board over a serial line; ``docs/boards.md`` has the bytes.

Frames are those of SLIP (RFC 1055) with a CRC-16/IBM-3740 at the end.
"""

import binascii
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol

from insitu.program.arguments import HostError, integer, one_line, refused, seconds

try:
    from termios import error as TermiosError
except ImportError:  # Windows has none
    TermiosError = OSError  # type: ignore[misc,assignment]

__all__ = ["HostError", "Line", "Link", "LinkError", "Refused", "Space", "frame", "unframe"]

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
HELLO, READ, WRITE = 0, 1, 2
OK, BAD_FRAME, BAD_REQUEST, BUS_ERROR = 0, 1, 2, 3
MOST_WORDS = 32
"""Words of a request before the board has said how many it takes."""
MOST_RETRIES = 1000
PORT_ERRORS = (OSError, TermiosError)
"""What a port raises that does not open, or that is gone: pyserial's own are OSErrors."""


class LinkError(HostError):
    """The board does not answer, or not in its protocol."""


class Refused(HostError):
    """The board answered that it cannot do that."""


class Space(IntEnum):
    """Upper two bits of an address."""

    MEMORY = 0
    REGISTERS = 1
    BOARD = 2


class Line(Protocol):
    """What is needed of a ``serial.Serial``."""

    timeout: float | None

    def read(self, size: int = 1, /) -> bytes:
        """Up to ``size`` bytes; fewer when ``timeout`` is over."""

    def write(self, data: bytes, /) -> int | None:
        """Send ``data``."""

    def reset_input_buffer(self) -> None:
        """Drop what came and was not read."""


def frame(body: bytes) -> bytes:
    """``body`` with its CRC, escaped, between delimiters."""
    body += binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")
    body = body.replace(bytes([ESC]), bytes([ESC, ESC_ESC]))
    return bytes([END]) + body.replace(bytes([END]), bytes([ESC, ESC_END])) + bytes([END])


def unframe(raw: bytes) -> bytes | None:
    """The body of what stood between two delimiters, or ``None`` if it is not right."""
    body = raw.replace(bytes([ESC, ESC_END]), bytes([END]))
    body = body.replace(bytes([ESC, ESC_ESC]), bytes([ESC]))
    if len(body) < 2 or binascii.crc_hqx(body, 0xFFFF):
        return None
    return body[:-2]


class Link:
    """Reads and writes words of 32 bits of a board.

    Parameters
    ----------
    line : Line
        For example a ``serial.Serial``.
    timeout : float
        Seconds until a request without answer is sent again.
    retries : int
        So many times.

    Attributes
    ----------
    errors : int
        Requests that had to be sent again.

    Raises
    ------
    HostError
        For arguments. In all methods, ``LinkError`` by the line, ``Refused`` by the board.
    """

    def __init__(self, line: Line, *, timeout: float = 0.5, retries: int = 3) -> None:
        if not all(hasattr(line, name) for name in ("read", "write", "reset_input_buffer")):
            raise refused("line", "a serial.Serial or like one; Device.open() takes a port", line)
        self._line, self._timeout = line, seconds("timeout", timeout)
        self._retries = integer("retries", retries, 0, MOST_RETRIES)
        self._number, self.errors, self.words = 0, 0, MOST_WORDS
        self._use(setattr, line, "timeout", min(self._timeout, 0.05))

    @staticmethod
    def _use(call: Callable[..., Any], *values: Any) -> Any:
        """What ``call``, of the line, returns for ``values``."""
        try:
            return call(*values)
        except PORT_ERRORS as error:
            raise LinkError(f"port: must stay there, but failed ({one_line(str(error))})") from None

    def close(self) -> None:
        """Close the line, if it can be closed."""
        if close := getattr(self._line, "close", None):
            self._use(close)

    def hello(self) -> None:
        """Begin anew: the board forgets the last request."""
        self._use(self._line.reset_input_buffer)
        self._request(HELLO, 0, 0, b"", 0)

    def read(self, space: Space, addr: int, size: int) -> bytes:
        """``size`` bytes from ``addr`` on, both multiples of 4."""
        found = b""
        while len(found) < size:
            count = min((size - len(found)) // 4, self.words)
            found += self._request(READ, space << 30 | addr + len(found), count, b"", 4 * count)
        return found

    def write(self, space: Space, addr: int, data: bytes) -> None:
        """Write ``data``, words of 4 bytes, from ``addr`` on."""
        step = 4 * self.words
        for start in range(0, len(data), step):
            part = data[start : start + step]
            self._request(WRITE, space << 30 | addr + start, len(part) // 4, part, 0)

    def _request(self, op: int, addr: int, count: int, data: bytes, expected: int) -> bytes:
        self._number = (self._number + 1) % 255  # 255 is none
        head = bytes([op, self._number]) + count.to_bytes(2, "little") + addr.to_bytes(4, "little")
        sent = frame(head + data)
        why = ""
        for attempt in range(self._retries + 1):
            self.errors += attempt != 0
            self._use(self._line.write, sent)
            answer, why = self._answer()
            if answer is not None:
                break
        else:
            raise LinkError(
                f"link: must answer within {self._timeout:g} s, did not {why} "
                f"({self._retries + 1} tries)"
            )
        words, status = answer[1:-1], answer[-1]
        if status == OK and len(words) == expected:
            return words
        where = f"{Space(addr >> 30).name.lower()} 0x{addr & 0x3FFFFFFF:x}"
        if status == BUS_ERROR:
            raise Refused(f"{where}: refused word {len(words) // 4} of {count}")
        raise Refused(f"{where}: is not a request the board knows, of {count} words")

    def _answer(self) -> tuple[bytes | None, str]:
        """The body of the response to the last request, or why there is none."""
        until = time.monotonic() + self._timeout
        raw = bytearray()
        while time.monotonic() < until:
            byte = self._use(self._line.read, 1)
            if not byte:
                continue
            if byte[0] != END:
                raw += byte
                continue
            body = unframe(bytes(raw)) if raw else b""
            raw.clear()
            if body is None:
                return None, "with a right CRC"
            if len(body) >= 2 and body[0] == 0xFF and body[-1] == BAD_FRAME:
                return None, "get the frame whole"
            if len(body) >= 2 and body[0] == self._number:
                return body, ""
        return None, "at all"
