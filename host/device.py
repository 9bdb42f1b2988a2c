"""A machine on a board: matrices in its memory, and products of them."""

import errno
import struct
from typing import Self

from insitu.program.arguments import (
    HostError,
    integer,
    one_line,
    refused,
    seconds,
)
from insitu.program.program import Program

from .board import Board
from .link import PORT_ERRORS, Line, Link, LinkError, Space
from .machine import Machine
from .matrices import Matrix
from .products import Products
from .run import Loaded

__all__ = ["BAUD", "Board", "Device", "HostError", "Matrix"]

BAUD = 3_000_000
MAGIC = 0x42534E49  # "INSB"
VERSION = 1


class Device(Products):
    """A board at the other end of a line. As a context manager it is closed at the end.

    Parameters
    ----------
    line : Line
        Of bytes.
    timeout, retries : float, int
        As of :class:`~insitu.host.link.Link`.
    patience : float
        Seconds for a product.

    Attributes
    ----------
    board : Board

    Raises
    ------
    HostError
        Here and in all methods: one line that says what is wrong. A mistake in an argument is found
        before anything is sent; whatever fails, memory that the call took is free again.
    """

    def __init__(
        self, line: Line, *, timeout: float = 0.5, retries: int = 3, patience: float = 10.0
    ) -> None:
        link = Link(line, timeout=timeout, retries=retries)
        machine = Machine(link, patience)
        link.hello()
        magic, version, memory, words, clock = struct.unpack("<5I", link.read(Space.BOARD, 0, 20))
        if (magic, version) != (MAGIC, VERSION):
            raise LinkError(f"board: must be version {VERSION} of this protocol, not {version}")
        link.words = words
        board = Board.read(machine.register, memory, clock)
        machine.begin(board.engine)
        super().__init__(link, board, machine)

    @classmethod
    def open(
        cls,
        port: str,
        baud: int = BAUD,
        *,
        timeout: float = 0.5,
        retries: int = 3,
        patience: float = 10.0,
    ) -> Self:
        """A board at serial port ``port``, for example ``/dev/ttyUSB0``, which no other may use."""
        if not isinstance(port, str):
            raise refused("port", "the name of a serial port", port)
        baud, timeout = integer("baud", baud, 1, (1 << 31) - 1), seconds("timeout", timeout)
        try:
            from serial import Serial
        except ImportError as error:
            raise HostError(f"pyserial: must be installed to open a port ({error})") from None
        name = port if port.isprintable() and port else repr(port)
        try:
            line = Serial(port, baud, exclusive=True, write_timeout=timeout)
        except (*PORT_ERRORS, ValueError, OverflowError) as error:
            if getattr(error, "errno", None) == errno.EWOULDBLOCK:  # of the lock
                raise LinkError(f"port: must not be in use, {name} is") from None
            raise LinkError(
                f"port: must open at {baud} baud, {name} does not ({one_line(str(error))})"
            ) from None
        try:
            return cls(line, timeout=timeout, retries=retries, patience=patience)
        except BaseException:
            line.close()
            raise

    def close(self) -> None:
        """Let others have the line; the device cannot be used after that."""
        self.link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Programs ---

    def load(self, program: Program) -> Loaded:
        """Put what ``program`` begins with into memory; it can be run then, again and again.

        Its memory, from the bytes in ``used`` up to its top, is taken until :meth:`clear`.
        ``HostError`` if it lies on matrices that are there, or beyond the memory.
        """
        tensors = [*program.inputs.values(), *program.outputs.values()]
        least = min([t.address for t in tensors] + [address for address, _ in program.image])
        if least < self.used:
            raise HostError(f"program: must lie after {self.used} bytes in use, not at {least}")
        with self._given_back():
            place = self.take(program.top)
            self.machine.settle()
            return Loaded(self, program, place)
