"""The command ``insitu``: one job each, in a module of its own that is loaded when it is asked for.

A module of a job has ``arguments(parser)``, which adds its options, and ``run(args)``, which
returns the exit status; whatever an extra must bring is imported in ``run``, so that ``--help``
needs none.
"""

import sys
from importlib import import_module

from insitu.hdl.support.cli import Parser, main

__all__ = ["COMMANDS", "entry", "run"]

JOBS = "insitu.verification.jobs.commands"
COMMANDS: dict[str, tuple[str, str]] = {
    "sim": (f"{JOBS}.sim", "the digits network on the RTL, checked bit for bit"),
    "gemm": (f"{JOBS}.gemm", "one random GEMM on the RTL"),
    "net": (f"{JOBS}.net", "a network from an ONNX file, every tensor equal to onnxruntime's"),
    "model": (f"{JOBS}.model", "a network by the models: cycles, utilisation, traffic"),
    "compare": (f"{JOBS}.compare", "the same GEMMs on every machine: cycles, bits, energy"),
    "analog": (f"{JOBS}.analog", "the digits network on analog cells: accuracy by ADC and noise"),
    "verilog": ("insitu.hdl.verilog", "Verilog of a configuration"),
    "synth": ("insitu.synth.command", "resources, clock and critical path on an FPGA"),
    "power": ("insitu.synth.power.command", "energy and power from switching activity"),
    "bitstream": ("insitu.synth.bitstream", "a bitstream for a board"),
    "board info": ("insitu.host.commands.info", "what a board on a serial port is"),
    "board digits": ("insitu.host.commands.digits", "the digits network on a board"),
    "board sim": (f"{JOBS}.board", "the digits network on a simulated board"),
}
"""Module and one line by the words that a user types."""


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{line}" for name, (_, line) in COMMANDS.items()]
    return "\n".join(["commands, each with a --help of its own:", *lines])


def run(words: list[str]) -> int:
    """Run the command that ``words`` are, and return its exit status.

    ``UserError`` for what cannot be done, ``SystemExit`` after ``--help`` and for options that
    there are not.
    """
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name is None:
        parser = Parser(prog="insitu", usage="insitu COMMAND [options]", epilog=_overview())
        parser.raw_epilog()
        parser.add_argument("command", help="one of those below")
        if words in ([], ["-h"], ["--help"]):
            parser.print_help()
            return 0 if words else 2
        names = ", ".join(COMMANDS)
        parser.error(f"COMMAND: must be one of {names}, not {' '.join(words[:2])!r}")
    module, line = COMMANDS[name]
    found = import_module(module)
    parser = Parser(prog=f"insitu {name}", description=found.__doc__ or line)
    found.arguments(parser)
    return found.run(parser.parse_args(words[len(name.split()) :]))


def entry() -> None:
    """What the console script and ``python -m insitu`` call; does not return."""
    main(lambda: run(sys.argv[1:]))
