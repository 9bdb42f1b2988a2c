"""Long tests: some for the night only, which can be resumed as what passed is remembered."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from insitu.hdl.support.files import contents, digest, write_whole

from ..simulators.shared import CACHE

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
        Files of the bench and of the models that it compares with, as by
        :func:`insitu.hdl.support.imports.sources`.
    """

    def __init__(self, parts: Iterable[str], sources: Iterable[Path]) -> None:
        self.path = CACHE / "passed" / digest(*parts, *contents(sources))

    def skip_if_passed(self) -> None:
        """Skip the running test if it passed; the reason says when."""
        if when := self.said():
            pytest.skip(f"passed before, nothing changed since ({when})")

    def passed(self) -> None:
        """The test passed."""
        self.say(date.today().isoformat())

    def say(self, outcome: str) -> None:
        """Remember what came of it: one line."""
        write_whole(self.path, f"{outcome}\n{digest(self.path.name, outcome)}\n")

    def said(self) -> str | None:
        """What was remembered, or ``None``, as where a file is not whole."""
        try:
            outcome, check = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return None
        return outcome if check == digest(self.path.name, outcome) else None
