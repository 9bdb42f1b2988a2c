"""``python -m host``: what a board can be asked for."""

import argparse
import sys
from dataclasses import asdict

from .device import BAUD, Device
from .link import HostError


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 if a result was wrong, 2 for a user's mistake or a silent board."""
    parser = argparse.ArgumentParser(prog="python -m host", description=__doc__)
    parser.add_argument("job", choices=["info", "digits"], help="what to do")
    parser.add_argument("--port", required=True, help="serial port, for example /dev/ttyUSB0")
    parser.add_argument("--baud", type=int, default=BAUD, help="bits per second (%(default)s)")
    parser.add_argument("--count", type=int, default=360, help="images, 1 to 360 (%(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=0.5, help="seconds for an answer (%(default)s)"
    )
    given = parser.parse_args(arguments)
    try:
        if not 1 <= given.count <= 360:
            raise HostError(f"count: must be 1 to 360, not {given.count}")
        device = Device.open(
            given.port, given.baud, timeout=given.timeout, patience=20 * given.timeout
        )
        for name, value in asdict(device.board).items():
            print(f"{name}: {value}")
        if given.job == "info":
            return 0
        from .digits import run  # needs much more than the driver

        found = run(device, given.count)
    except HostError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, value in asdict(found).items():
        print(f"{name}: {value}")
    return 0 if found.exact else 1


if __name__ == "__main__":
    sys.exit(main())
