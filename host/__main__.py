"""``python -m host``: what a board can be asked for."""

import argparse
import re
import sys
from dataclasses import asdict
from typing import NoReturn

from .arguments import MOST_SECONDS, HostError, integer, seconds
from .device import BAUD, Device


class Parser(argparse.ArgumentParser):
    """Its errors are one line."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {re.sub('^argument ', '', message)}", file=sys.stderr)
        sys.exit(2)


def _parser() -> Parser:
    parser = Parser(prog="python -m host", description=__doc__)
    parser.add_argument("job", choices=["info", "digits"], help="what to do")
    parser.add_argument("--port", required=True, help="serial port, for example /dev/ttyUSB0")
    parser.add_argument("--baud", default=BAUD, help="bits per second (%(default)s)")
    parser.add_argument("--count", default=360, help="images, 1 to 360 (%(default)s)")
    parser.add_argument("--timeout", default=0.5, help="seconds for an answer (%(default)s)")
    return parser


def _number(kind: type, value: object) -> object:
    """``value`` as a number, or as it is if it is none, which is refused with its name later."""
    try:
        return kind(value)
    except ValueError:
        return value


def run(given: argparse.Namespace) -> int:
    """The exit status; ``HostError`` for a mistake or a board that does not answer."""
    count = integer("count", _number(int, given.count), 1, 360)
    baud = integer("baud", _number(int, given.baud), 1, (1 << 31) - 1)
    timeout = seconds("timeout", _number(float, given.timeout))
    if given.job == "digits":
        # Needs much more than the driver: what is missing is said before the board is asked.
        try:
            from . import digits

            digits.load()
        except ImportError as error:
            raise HostError(f"digits: must have what `make setup` installs ({error})") from None
    patience = min(20 * timeout, MOST_SECONDS)
    with Device.open(given.port, baud, timeout=timeout, patience=patience) as device:
        for name, value in asdict(device.board).items():
            print(f"{name}: {value}")
        if given.job == "info":
            return 0
        found = digits.run(device, count)
    for name, value in asdict(found).items():
        print(f"{name}: {value}")
    return 0 if found.exact else 1


def main(arguments: list[str] | None = None) -> int:
    """1 if a result was wrong, 2 for a user's mistake or a silent board, 130 if interrupted."""
    # What a terminal's encoding lacks is an escape there.
    for stream in (sys.stdout, sys.stderr):
        # Whatever wraps or replaces them, such as colorama or a test, may not have it.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    given = _parser().parse_args(arguments)
    try:
        return run(given)
    except (HostError, OSError) as error:  # the latter of standard output: full, or closed
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
