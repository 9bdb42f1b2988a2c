"""Long tests: some for the night only, which can be resumed as what passed is remembered."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from .simulators.shared import CACHE, digest

__all__ = ["Record", "at_night"]


def at_night(cases: list, quick: int) -> list:
    """A test's parameters: the first ``quick`` cases every day, the others at night."""
    late = [case if isinstance(case, tuple) else (case,) for case in cases[quick:]]
    return cases[:quick] + [pytest.param(*case, marks=pytest.mark.nightly) for case in late]


class Record:
    """Whether a test passed before with the same design, bench and stimulus.

    Parameters
    ----------
    parts : strings
        Digests of designs, environment: what the outcome depends on besides ``sources``.
    sources : paths
        Files of the bench and of the models that it compares with.
    """

    def __init__(self, parts: Iterable[str], sources: Iterable[Path]) -> None:
        texts = [path.read_text() for path in sources]
        self.path = CACHE / "passed" / digest(*parts, *texts)

    def skip_if_passed(self) -> None:
        """Skip the running test if it passed; the reason says when."""
        if self.path.is_file():
            pytest.skip(f"passed before, nothing changed since ({self.path.read_text().strip()})")

    def passed(self) -> None:
        """The test passed."""
        self.say(date.today().isoformat())

    def say(self, outcome: str) -> None:
        """Remember what came of it: one line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(f"{outcome}\n")

    def said(self) -> str | None:
        """What was remembered, or ``None``."""
        return self.path.read_text().strip() if self.path.is_file() else None
