"""Shares equal modules of a design: one definition, many instances.

Amaranth writes a module for every instance, under its path. Where the bodies are the same, one
remains, under a short name: Verilog that one can read, and simulators that build faster.
"""

import re
from dataclasses import dataclass

__all__ = ["share_modules"]

# Names that Amaranth made unique with a number: \a$17, \port$538$0.
_NUMBERED = re.compile(r'(\\[A-Za-z_]\w*?)((?:\$\d+)+)(?=[\s"]|$)')
_CELL = re.compile(r"  cell (\\\S+) (\S+)")
_CONNECT = re.compile(r"    connect (\\\S+) ")


@dataclass
class _Shared:
    """A module that has its final name, and the new names of its ports."""

    name: str
    ports: dict[str, str]


def _split(text: str) -> tuple[list[str], dict[str, list[str]], dict[str, list[str]]]:
    """Lines before the first module; lines of each module; attribute lines before each."""
    head: list[str] = []
    bodies: dict[str, list[str]] = {}
    attributes: dict[str, list[str]] = {}
    pending: list[str] = []
    current: list[str] | None = None
    for line in text.splitlines():
        if line.startswith("module "):
            name = line.split()[1]
            current = bodies[name] = []
            attributes[name], pending = pending, []
        elif line == "end":
            current = None
        elif current is not None:
            current.append(line)
        elif line.startswith("attribute "):
            pending.append(line)
        elif not bodies:
            head.append(line)
    return head, bodies, attributes


def _canonical(lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """Number the numbered names in order of appearance; returns the lines and the new names."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}

    def rename(match: re.Match[str]) -> str:
        old = match[0]
        if old not in names:
            counts[match[1]] = counts.get(match[1], 0) + 1
            names[old] = f"{match[1]}${counts[match[1]]}"
        return names[old]

    out = []
    for line in lines:
        # The port in a connection is named by the child, not here.
        fixed = connect[0] if (connect := _CONNECT.match(line)) else ""
        out.append(fixed + _NUMBERED.sub(rename, line[len(fixed) :]))
    return out, names


def share_modules(text: str, top: str) -> str:
    """RTLIL ``text`` with equal modules merged; module ``top`` keeps its name and ports.

    The others are called ``<top>_<last part of the path without its indices>``, with a number where
    bodies differ.
    """
    head, bodies, attributes = _split(text)
    shared: dict[str, _Shared] = {}
    seen: dict[tuple[str, ...], _Shared] = {}
    taken: set[str] = set()
    out: list[str] = []

    def finish(path: str) -> _Shared:
        if path in shared:
            return shared[path]
        lines: list[str] = []
        ports: dict[str, str] = {}
        for line in bodies[path]:
            if cell := _CELL.match(line):
                ports = {}
                if cell[1] in bodies:
                    child = finish(cell[1])
                    ports = child.ports
                    line = f"  cell \\{child.name} {cell[2]}"
            elif connect := _CONNECT.match(line):
                new = ports.get(connect[1], connect[1])
                line = f"    connect {new} {line[connect.end() :]}"
            lines.append(line)
        is_top = path == f"\\{top}"
        lines, names = (lines, {}) if is_top else _canonical(lines)
        key = tuple(lines)
        if key not in seen or is_top:
            base = re.sub(r"(_\d+)+$|\$\d+", "", path.rsplit(".", 1)[-1])
            name = top if is_top else _free(f"{top}_{base}", taken)
            seen[key] = _Shared(name, names)
            out.extend([*attributes[path], f"module \\{name}", *lines, "end", ""])
        shared[path] = _Shared(seen[key].name, names)
        return shared[path]

    finish(f"\\{top}")
    return "\n".join([*head, *out]) + "\n"


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate
