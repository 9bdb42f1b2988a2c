"""Options of a serial port, and a board at its other end."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from insitu.hdl.support.cli import Parser
from insitu.program.arguments import MOST_SECONDS, integer, seconds

from ..device import BAUD, Device

__all__ = ["PORT", "add_port", "number", "opened", "settings"]

PORT = {"port": None, "baud": BAUD, "timeout": 0.5}
"""What the options are if they are left out."""


def add_port(parser: Parser, *, required: bool = True) -> None:
    """``--port``, ``--baud``, ``--timeout``."""
    parser.add_argument("--port", required=required, help="serial port, for example /dev/ttyUSB0")
    parser.add_argument("--baud", default=PORT["baud"], help="bits per second (%(default)s)")
    parser.add_argument(
        "--timeout", default=PORT["timeout"], help="seconds for an answer (%(default)s)"
    )


def number(kind: type, value: object) -> object:
    """``value`` as a number, or as it is if it is none, which is refused with its name later."""
    try:
        return kind(value)
    except ValueError:
        return value


def settings(args: Namespace) -> dict[str, Any]:
    """``baud``, ``timeout`` and ``patience`` of a board at the port; ``UserError`` for others."""
    timeout = seconds("timeout", number(float, args.timeout))
    baud = integer("baud", number(int, args.baud), 1, (1 << 31) - 1)
    return {"baud": baud, "timeout": timeout, "patience": min(20 * timeout, MOST_SECONDS)}


@contextmanager
def opened(args: Namespace) -> Iterator[Device]:
    """The board, which is printed; ``UserError`` for a mistake or a board that does not answer."""
    with Device.open(args.port, **settings(args)) as device:
        for name, value in asdict(device.board).items():
            print(f"{name}: {value}")
        yield device
