"""What every command line of the project shares: arguments, and errors of one line."""

import argparse
import re
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

from amaranth.hdl import UnusedElaboratable

from .config import UserError, config_names

__all__ = ["Parser", "at_least", "main"]


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line; usage is what ``--help`` prints."""

    def error(self, message: str) -> NoReturn:
        # By the name that make has for it: -m is M=, --config is CONFIG=.
        message = re.sub(
            r"^argument (?:-\w/)?-{1,2}([\w-]+)", lambda match: match[1].upper(), message
        )
        # Python 3.11 quotes the choices, 3.13 does not.
        message = re.sub(
            r"invalid choice: (.*) \(choose from (.*)\)$",
            lambda match: "must be one of {}, not {}".format(match[2].replace("'", ""), match[1]),
            message,
        )
        print(f"error: {message}", file=sys.stderr)
        sys.exit(2)

    def add_config(self, default: str = "ws-8x8") -> None:
        """``--config`` and ``--target``."""
        names = ", ".join(config_names())
        self.add_argument("--config", default=default, help=f"TOML file or one of {names}")
        self.add_argument("--target", help="generic, ecp5 or ice40 instead of the configuration's")


def at_least(least: int) -> Callable[[str], int]:
    """Argument type: an integer from ``least``."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"must be an integer from {least}, not {text!r}")
        return value

    return parse


def main(job: Callable[[], int]) -> NoReturn:
    """Run ``job`` and exit with its status: 2 after an error of the user's, 130 if interrupted."""
    try:
        sys.exit(job())
    except (UserError, OSError) as error:
        message, status = f"error: {error}", 2
    except KeyboardInterrupt:
        message, status = "interrupted", 130
    # Components that were made and not elaborated because of it are no news.
    warnings.simplefilter("ignore", UnusedElaboratable)
    print(message, file=sys.stderr)
    sys.exit(status)
