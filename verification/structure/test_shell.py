"""What all machines share does not ask which one it is in."""

import re

import pytest

from insitu.verification.simulators import ROOT

SHELL = ROOT / "hdl" / "shell"
CHOOSING = ("addressing", "residency")
"""Folders in which a machine's way to fetch, and to keep, is chosen and described."""
FILES = sorted(
    path for path in SHELL.rglob("*.py") if path.relative_to(SHELL).parts[0] not in CHOOSING
)
KIND = re.compile(
    r"\.(tile|banks|bank_port|flow|table|by_element|rm|rn|planes)\b(?!\()"
    r"|isinstance\([^)]*(Config|Engine)|kind_of|\.addressing\b|hdl\.engines|\.\.engines"
)


def asked(text: str) -> list[str]:
    """Lines of code that ask for the kind of an engine; docstrings and comments may name one."""
    code = re.sub(r'""".*?"""', lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    lines = (line.partition("#")[0] for line in code.splitlines())
    own = ("from .addressing", "from ..addressing", "member.flow")
    return [line for line in lines if KIND.search(line) and not any(x in line for x in own)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_asks_for_no_kind(path):
    assert asked(path.read_text(encoding="utf-8")) == []


def test_finds_who_asks():
    for line in ("if config.tile:", "x = config.array.banks", 'if array.flow == "ws":',
                 "isinstance(array, CimConfig)", "config.array.addressing.by_element"):  # fmt: skip
        assert asked(f"def f():\n    {line}\n") == [f"    {line}"]
    assert asked('"""Of banks, config.tile."""\nx = 1  # config.tile\n') == []
