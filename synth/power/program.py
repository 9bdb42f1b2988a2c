"""Boolean functions of cells as short programs of two-input steps, and what they count.

A cell's program works on words of 64 lanes. Its slots are: 0, all zeros; 1, all ones; then each
pin's value now; then each pin's value a cycle before; then temporaries.
"""

import re

from insitu.hdl.config import UserError

__all__ = ["AND", "ANDN", "COUNT", "OR", "XOR", "Program"]

AND, OR, XOR, ANDN, COUNT = range(5)
_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\]]*|[01]|[!()&*|+^'])")


class Program:
    """Steps (code, result or counter, operand, operand), equal ones shared.

    Parameters
    ----------
    pins : list of str
        Names of pins and of a flip-flop's states.
    """

    def __init__(self, pins: list[str]) -> None:
        self.pins = pins
        self.steps: list[tuple[int, int, int, int]] = []
        self.slots = 2 + 2 * len(pins)
        self.counters = 0
        self._known: dict[tuple[int, int, int], int] = {}

    def pin(self, name: str, *, before: bool = False) -> int:
        """Slot of a pin."""
        return 2 + self.pins.index(name) + before * len(self.pins)

    def step(self, code: int, a: int, b: int) -> int:
        """Slot of the result."""
        if code != ANDN and a > b:
            a, b = b, a
        if code == AND and a < 2:
            return b if a else 0
        if code == ANDN and b == 0:
            return a
        key = code, a, b
        if key not in self._known:
            self._known[key] = self.slots
            self.steps.append((code, self.slots, a, b))
            self.slots += 1
        return self._known[key]

    def edges(self, name: str) -> tuple[int, int]:
        """Where a pin rose and where it fell."""
        now, before = self.pin(name), self.pin(name, before=True)
        return self.step(ANDN, now, before), self.step(ANDN, before, now)

    def count(self, slot: int) -> int:
        """Number of a counter of the lanes of ``slot``."""
        self.steps.append((COUNT, self.counters, slot, 0))
        self.counters += 1
        return self.counters - 1

    def expression(
        self, text: str, *, before: bool = False, given: dict[str, int] | None = None
    ) -> int:
        """Slot of a Liberty expression; ``given`` are slots for some of its names.

        An empty one is 1. Raises ``UserError`` for names that are no pins and for what is no
        expression.
        """
        if not text.strip():
            return 1

        def fail() -> UserError:
            return UserError(f"must have boolean expressions of pins, not {text!r}")

        tokens, at = [], 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise fail()
            tokens.append(match[1])
            at = match.end()
        tokens.append("")
        at = 0
        names = dict(given or {})

        def atom() -> int:
            nonlocal at
            token, at = tokens[at], at + 1
            if token == "!":
                value = self.step(XOR, 1, atom())
            elif token == "(":
                value = either()
                if tokens[at] != ")":
                    raise fail()
                at += 1
            elif token in ("0", "1"):
                value = int(token)
            elif token in names:
                value = names[token]
            elif token in self.pins:
                value = self.pin(token, before=before)
            else:
                raise fail()
            while tokens[at] == "'":
                at += 1
                value = self.step(XOR, 1, value)
            return value

        def differ() -> int:
            nonlocal at
            value = atom()
            while tokens[at] == "^":
                at += 1
                value = self.step(XOR, value, atom())
            return value

        def both() -> int:
            nonlocal at
            value = differ()
            # A space is an AND as well.
            while tokens[at] not in ("", ")", "|", "+"):
                at += tokens[at] in ("&", "*")
                value = self.step(AND, value, differ())
            return value

        def either() -> int:
            nonlocal at
            value = both()
            while tokens[at] in ("|", "+"):
                at += 1
                value = self.step(OR, value, both())
            return value

        value = either()
        if tokens[at]:
            raise fail()
        return value
