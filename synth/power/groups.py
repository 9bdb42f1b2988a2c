"""The statements of a Liberty file, as nested groups."""

import re
from dataclasses import dataclass, field

__all__ = ["Group", "parse"]

_TOKEN = re.compile(r'"([^"]*)"|([{}();:,])|([^\s{}();:,"]+)')


@dataclass
class Group:
    """``kind(args) { attributes, groups }``."""

    kind: str
    args: list[str]
    attributes: dict[str, list[str]] = field(default_factory=dict)
    groups: list["Group"] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """First value of an attribute."""
        return self.attributes.get(name, [default])[0]

    def of(self, kind: str) -> list["Group"]:
        """Groups of a kind, in order."""
        return [group for group in self.groups if group.kind == kind]


def parse(text: str) -> Group:
    """The statements in ``text``, as a group without a name."""
    tokens = [(m[1] if m[1] is not None else m[2] or m[3], bool(m[2])) for m in
              _TOKEN.finditer(text)]  # fmt: skip
    tokens.append(("", True))
    at = 0

    def is_mark(n: int, marks: str) -> bool:
        return tokens[n][1] and tokens[n][0] != "" and tokens[n][0] in marks

    def body(group: Group) -> None:
        nonlocal at
        while at < len(tokens) - 1:
            if is_mark(at, "}"):
                at += 1
                return
            name, at = tokens[at][0], at + 1
            if is_mark(at, ":"):
                at += 1
                # A value ends at its semicolon, or, where that was forgotten, at the next name.
                words = [tokens[at][0]]
                at += 1
                while not is_mark(at, ";}") and not is_mark(at + 1, ":(") and tokens[at][0]:
                    words.append(tokens[at][0])
                    at += 1
                group.attributes[name] = [" ".join(words)]
            elif is_mark(at, "("):
                at += 1
                args = []
                while not is_mark(at, ")") and at < len(tokens) - 1:
                    if not is_mark(at, ","):
                        args.append(tokens[at][0])
                    at += 1
                at += 1
                if is_mark(at, "{"):
                    at += 1
                    child = Group(name, args)
                    group.groups.append(child)
                    body(child)
                else:
                    group.attributes[name] = args

    top = Group("", [])
    while at < len(tokens) - 1:
        body(top)
    return top
