"""The statements of a Liberty file, as nested groups that know their lines."""

import gzip
import hashlib
import math
import re
import zlib
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from insitu.hdl.config import UserError

__all__ = ["Group", "Source", "parse"]

_STRING = r'"[^"]*"'
_COMMENT = re.compile(rf"{_STRING}|/\*.*?\*/|//[^\n]*", re.DOTALL)
_TOKEN = re.compile(r'"([^"]*)"|([{}();:,"])|([^\s{}();:,"]+)')
DEEPEST = 40  # groups in groups; the format has less than ten


class Source:
    """Text of a Liberty file without comments, its lines kept; ``sum`` is SHA-256 of the file.

    Raises ``UserError``, one line with the file, for what is no file that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            raw = path.read_bytes()
            self.sum = hashlib.sha256(raw).hexdigest()
            if raw[:2] == b"\x1f\x8b":
                raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            kind = "a whole gzip file" if not isinstance(error, OSError) or not error.errno else (
                "a file that can be read")  # fmt: skip
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"LIBERTY: must be {kind}, not {path} ({reason})") from None
        text = raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\\\n", " \n")
        # What a comment spans stays as empty lines.
        self.text = _COMMENT.sub(
            lambda m: m[0] if m[0][0] == '"' else " " + "\n" * m[0].count("\n"), text
        )
        self._ends = [m.start() for m in re.finditer("\n", self.text)]

    def line(self, at: int) -> int:
        """Line of a place in the text, from 1."""
        return bisect_left(self._ends, at) + 1

    def error(self, line: int, rule: str) -> UserError:
        """One line with file and line."""
        return UserError(f"LIBERTY: {self.name}:{line}: {rule}")


@dataclass
class Group:
    """``kind(args) { attributes, groups }``, and the lines of itself and of its attributes."""

    kind: str
    args: list[str]
    source: Source
    line: int = 1
    attributes: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    groups: list["Group"] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """First value of an attribute."""
        return (self.attributes.get(name) or [default])[0]

    def of(self, kind: str) -> list["Group"]:
        """Groups of a kind, in order."""
        return [group for group in self.groups if group.kind == kind]

    @property
    def name(self) -> str:
        """First argument; ``UserError`` if there is none."""
        if not self.args or not self.args[0]:
            raise self.error(self.kind, "a name", self.args[0] if self.args else None)
        return self.args[0]

    def error(self, what: str, rule: str, value: object) -> UserError:
        """``what``, an attribute or the group itself, must be something else; ``None``: is not."""
        line = self.lines.get(what, self.line)
        shown = "left out" if value is None else repr(value)
        return self.source.error(line, f"{what}: must be {rule}, not {shown}")

    def numbers(self, name: str, step: int = 1) -> list[float]:
        """Values of an attribute, of pairs (``step`` 2) the second ones; ``UserError`` if one is no
        finite number."""
        if name not in self.attributes:
            raise self.error(name, "numbers", None)
        values = self.attributes[name][step - 1 :: step]
        words = [x for value in values for x in value.replace(",", " ").split()]
        found = []
        for word in words:
            try:
                number = float(word)
            except ValueError:
                number = math.nan
            if not math.isfinite(number):
                raise self.error(name, "numbers", word)
            found.append(number)
        return found

    def number(self, name: str, least: float = -math.inf) -> float | None:
        """An attribute's value, ``None`` without it; ``UserError`` if it is no number."""
        if name not in self.attributes:
            return None
        found = self.numbers(name)
        if len(found) != 1 or found[0] < least:
            rule = "a number" if least == -math.inf else f"a number from {least:g}"
            raise self.error(name, rule, " ".join(self.attributes[name]))
        return found[0]


def parse(source: Source, spans: list[tuple[int, int]]) -> Group:
    """The statements in parts of a file, as a group without a name.

    Raises ``UserError`` with file and line for what is no statement.
    """
    tokens: list[tuple[str, bool, int]] = []
    for start, end in spans:
        for m in _TOKEN.finditer(source.text, start, end):
            word = m[1] if m[1] is not None else m[2] or m[3]
            tokens.append((word, bool(m[2]), m.start()))
    last = len(tokens)
    tokens += [("", True, spans[-1][1] if spans else 0)] * 2
    at = 0

    def is_mark(n: int, marks: str) -> bool:
        return tokens[n][1] and tokens[n][0] != "" and tokens[n][0] in marks

    def error(n: int, rule: str) -> UserError:
        shown = repr(tokens[n][0]) if n < last else "the end of it"
        return source.error(source.line(tokens[n][2]), f"must be {rule}, not {shown}")

    def body(group: Group, depth: int) -> None:
        nonlocal at
        while at < last:
            if is_mark(at, "}"):
                at += 1
                return
            if is_mark(at, ";"):
                at += 1
                continue
            name, line = tokens[at][0], source.line(tokens[at][2])
            if tokens[at][1]:
                raise error(at, "a statement")
            at += 1
            if is_mark(at, ":"):
                at += 1
                if at >= last or tokens[at][1]:
                    raise error(at, f"a value of {name}")
                # A value ends at its semicolon, or, where that was forgotten, at the next name.
                words = [tokens[at][0]]
                at += 1
                while at < last and not is_mark(at, ";}") and not is_mark(at + 1, ":("):
                    words.append(tokens[at][0])
                    at += 1
                group.attributes[name] = [" ".join(words)]
            elif is_mark(at, "("):
                at += 1
                args = []
                while not is_mark(at, ")"):
                    if at >= last or is_mark(at, '{};"'):
                        raise error(at, f"the ')' of {name}")
                    if not is_mark(at, ","):
                        args.append(tokens[at][0])
                    at += 1
                at += 1
                if is_mark(at, "{"):
                    at += 1
                    if depth == DEEPEST:
                        raise source.error(line, f"must be at most {DEEPEST} groups deep")
                    child = Group(name, args, source, line)
                    group.groups.append(child)
                    body(child, depth + 1)
                    continue
                # Some come several times: voltage_map.
                group.attributes.setdefault(name, []).extend(args)
            else:
                raise error(at, f"a ':' or '(' after {name!r}")
            group.lines[name] = line

    top = Group("", [], source)
    while at < last:
        body(top, 0)
    return top
