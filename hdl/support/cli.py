"""What every command line of the project shares: arguments, and errors of one line."""

import argparse
import re
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import requires
from typing import Any, NoReturn

from ..config import UserError, config_names

__all__ = ["Parser", "integer", "main"]

PACKAGES = {"serial": "pyserial", "sklearn": "scikit-learn", "yaml": "pyyaml",
            "amaranth_boards": "amaranth-boards", "cocotb_tools": "cocotb"}  # fmt: skip
"""Distributions by the module that they bring, where the names differ."""


def _fail(message: object) -> NoReturn:
    """Print one line, whatever is in it, and exit with status 2."""
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(message))
    print(f"error: {line}", file=sys.stderr)
    sys.exit(2)


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
        _fail(message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        for word in sys.argv[1:] if args is None else args:
            # argparse takes the value for the mark that ends the options.
            if word.startswith("-") and word.endswith("=--"):
                self.error(f"argument {word[:-3]}: must not be '--'")
        return super().parse_known_args(args, namespace)

    def raw_epilog(self) -> None:
        """The lines of the epilog stay as they are."""
        self.formatter_class = argparse.RawDescriptionHelpFormatter

    def add_config(self, default: str = "ws-8x8") -> None:
        """``--config`` and ``--target``."""
        names = ", ".join(config_names())
        self.add_argument("--config", default=default, help=f"TOML file or one of {names}")
        self.add_argument("--target", help="generic, ecp5 or ice40 instead of the configuration's")


def integer(least: int, most: int | None = None) -> Callable[[str], int]:
    """Argument type: an integer from ``least`` to ``most``, in decimal."""

    def parse(text: str) -> int:
        # Not of thousands of digits, which Python refuses.
        if re.fullmatch(r"-?[0-9]{1,100}", text):
            value = int(text)
            if least <= value and (most is None or value <= most):
                return value
        up_to = "" if most is None else f" to {most}"
        raise argparse.ArgumentTypeError(f"must be an integer from {least}{up_to}, not {text!r}")

    return parse


def main(job: Callable[[], int]) -> NoReturn:
    """Run ``job`` and exit with its status: 2 after an error of the user's, which a package that is
    not installed counts as, 130 if interrupted."""
    # What a terminal's encoding lacks, as a path that is not Unicode, is an escape there.
    for stream in (sys.stdout, sys.stderr):
        # Whatever wraps or replaces them, such as colorama or a test, may not have it.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        sys.exit(job())
    except (UserError, OSError) as error:
        _quiet()
        _fail(error)
    except ModuleNotFoundError as error:
        if (line := _missing(error.name or "")) is None:
            raise
        _quiet()
        _fail(line)
    except KeyboardInterrupt:
        _quiet()
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _missing(module: str) -> str | None:
    """What to say of ``module``, if an extra of this distribution brings it."""
    package = module.partition(".")[0]
    package = PACKAGES.get(package, package)
    for line in requires("insitu") or []:
        if match := re.match(rf"{re.escape(package)}\b.*extra == ['\"]([\w-]+)['\"]", line):
            return f"{package}: must be installed for this: `pip install 'insitu[{match[1]}]'`"
    return None


def _quiet() -> None:
    """No warnings of components that were made and not elaborated: they are no news then."""
    if amaranth := sys.modules.get("amaranth.hdl"):
        warnings.simplefilter("ignore", amaranth.UnusedElaboratable)
