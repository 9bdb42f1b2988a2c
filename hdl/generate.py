"""``python -m insitu.hdl.generate``: the register map as a page, a C header and Python constants.

All come from ``registers.rdl``, as the hardware does.
"""

from pathlib import Path

from peakrdl_cheader.exporter import CHeaderExporter

from .config import load
from .contract.events import Event
from .contract.job import Status
from .engines.registry import kinds
from .machines import events
from .shell.registers import Register, registers, tree

__all__ = ["outputs", "write_header"]

ROOT = Path(__file__).resolve().parent.parent
"""Engines that count more than others, by number: a configuration of each."""
ORIGIN = "hdl/shell/registers.rdl, by `make docs`"


def _access(readable: bool, writable: bool, clears: bool) -> str:
    if clears:
        return "read, write 1 to clear"
    return {(True, True): "read, write", (True, False): "read", (False, True): "write"}[
        readable, writable
    ]


def _span(register: Register) -> str:
    first = f"`0x{register.address:03x}`"
    if register.count == 1:
        return first
    return f"{first} … `0x{register.address + 4 * (register.count - 1):03x}`"


def _common() -> tuple[Event, ...]:
    """What all machines count."""
    return events(load("ws-8x8").shell)


def _own() -> dict[int, tuple[str, tuple[Event, ...]]]:
    """By engine: a configuration, and what it counts besides."""
    found = {}
    for kind in sorted(kinds(), key=lambda kind: kind.number):
        more = events(load(kind.example).shell)[len(_common()) :]
        if more:
            found[kind.number] = kind.example, more
    return found


def page() -> str:
    """``docs/registers.md``."""
    lines = [
        "# Registers",
        "",
        f"*Written from {ORIGIN}. AXI4-Lite, 32-bit words, little-endian, 4 KiB.* How to use them: "
        "[programming](programming.md).",
        "",
        "Reserved bits read as 0 and are ignored when written, but for those of the descriptor "
        "window: they read as they were written, and must be 0 at the doorbell. Byte strobes are "
        "obeyed in the descriptor window and the masks. Where nothing is given after reset, a "
        "field is fixed by the configuration, or only written.",
        "",
    ]
    for register in registers().values():
        lines += [f"## {register.title}", "", f"{_span(register)} `{register.name}`", ""]
        lines += ["| bits | field | access | after reset | meaning |", "|---|---|---|---|---|"]
        for field in sorted(register.fields, key=lambda f: f.low):
            bits = f"{field.high}:{field.low}" if field.bits > 1 else f"{field.low}"
            reset = f"`0x{field.reset:x}`" if field.reset > 9 else str(field.reset)
            reset = "–" if field.fixed else reset
            access = _access(field.readable, field.writable, field.clears)
            lines.append(f"| {bits} | `{field.name}` | {access} | {reset} | {field.desc} |")
        lines.append("")
    lines += ["## Counters", ""]
    lines += [
        "64 bits each, in the words 2n and 2n + 1 of `counters`. A word of a buffer is one of",
        "its own; sums are words of as many as the array has columns.",
    ]
    groups = [("", 0, _common())]
    for name, own in _own().values():
        groups.append((f"Besides, machines as `{name}` have:", len(_common()), own))
    for title, start, counted in groups:
        lines += [title, ""] if title else [""]
        lines += ["| n | counter | counts |", "|--:|---|---|"]
        lines += [
            f"| {n} | `{event.name}` | {event.desc} |" for n, event in enumerate(counted, start)
        ]
        lines.append("")
    lines.pop()
    return "\n".join(lines) + "\n"


def constants() -> str:
    """``program/registers.py``."""
    lines = [f'"""Register addresses and fields. Written from {ORIGIN}."""', ""]
    lines += ["from dataclasses import dataclass"]
    lines += ["from enum import IntEnum", "from typing import NamedTuple", "", ""]
    lines += ["class Field(NamedTuple):", '    """Bits ``low`` up, ``bits`` of them."""', ""]
    lines += ["    low: int", "    bits: int", "", ""]
    lines += ["class Status(IntEnum):", '    """How a descriptor ended."""', ""]
    lines += [f"    {status.name} = {int(status)}" for status in Status]
    lines += ["", "", "@dataclass(frozen=True)", "class Counters:"]
    lines += [
        '    """Of one descriptor, see ``counter_names``; 0 is what a machine does not count."""',
        "",
    ]
    own = _own()
    every = dict.fromkeys(
        e.name for e in (*_common(), *(e for _, some in own.values() for e in some))
    )
    lines += [f"    {name}: int = 0" for name in every]
    lines += ["", "", "def counter_names(engine: int) -> tuple[str, ...]:"]
    lines += ['    """Counters of an engine in the order of the words ``COUNTERS``."""']
    lines += ["    common = ("]
    lines += [f'        "{event.name}",' for event in _common()]
    lines += ["    )", "    own: dict[int, tuple[str, ...]] = {"]
    for number, (_, counted) in own.items():
        lines.append(f"        {number}: (")
        lines += [f'            "{event.name}",' for event in counted]
        lines.append("        ),")
    lines += ["    }", "    return (*common, *own.get(engine, ()))", "", ""]
    for register in registers().values():
        name = register.name.upper()
        lines.append(f"{name} = 0x{register.address:03X}")
        if register.count > 1:
            lines.append(f"{name}_COUNT = {register.count}")
        for field in sorted(register.fields, key=lambda f: f.low):
            lines.append(f"{name}_{field.name.upper()} = Field({field.low}, {field.bits})")
    return "\n".join(lines) + "\n"


def write_header(path: Path) -> None:
    """``host/insitu.h``, with bit positions and masks."""
    CHeaderExporter().export(tree(), path=str(path), generate_bitfields=False)


def outputs() -> dict[Path, str]:
    """What is generated as text, by path."""
    return {ROOT / "docs/registers.md": page(), ROOT / "program/registers.py": constants()}


if __name__ == "__main__":
    for path, text in outputs().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
    write_header(ROOT / "host/insitu.h")
    print("host/insitu.h")
