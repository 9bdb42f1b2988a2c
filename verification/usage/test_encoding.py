"""What the locale has as its encoding does not matter."""

import ast
import os
import subprocess
import sys

import pytest

from insitu.verification.simulators import ROOT

# Folders that are searched, and what opens no text although its name is `open`.
FOLDERS = ("docs", "hdl", "host", "program", "sim_models", "synth", "verification")
OTHERS = {"Device", "gzip", "os"}


def _mode(call: ast.Call, position: int, usual: str) -> str:
    given = {word.arg: word.value for word in call.keywords}
    value = call.args[position] if len(call.args) > position else given.get("mode")
    return str(value.value) if isinstance(value, ast.Constant) else usual


def _is_text(call: ast.Call) -> bool:
    """Whether it reads, writes, or exchanges text with a program."""
    match call.func:
        case ast.Name(id="open"):
            return "b" not in _mode(call, 1, "r")
        case ast.Attribute(attr="open", value=value):
            other = isinstance(value, ast.Name) and value.id in OTHERS
            return not other and "b" not in _mode(call, 0, "r")
        case ast.Attribute(attr="NamedTemporaryFile" | "TemporaryFile"):
            return "b" not in _mode(call, 0, "w+b")
        case ast.Attribute(attr="read_text" | "write_text"):
            return True
    return any(word.arg in ("text", "universal_newlines") for word in call.keywords)


def test_encodings_are_named():
    """The linter's rule sees a path only where its type is plain, and no programs."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call) and _is_text(node)
        if "encoding" not in {word.arg for word in node.keywords}
    ]
    assert found == []


@pytest.mark.parametrize(
    "words",
    [
        ["gemm", "--config", "ws-tiny", "-m", "5", "-n", "6", "-k", "7"],
        ["gemm", "--help"],
        ["synth", "--help"],
        ["verilog", "--config", "größe.toml"],
        ["board", "info", "--help"],
    ],
    ids=" ".join,
)
def test_ascii_terminal(words):
    """Neither what is printed nor what is read ends in a traceback."""
    ascii = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    line = [sys.executable, "-m", "insitu", *words]
    done = subprocess.run(line, cwd=ROOT, env=os.environ | ascii, capture_output=True)
    said = (done.stdout + done.stderr).decode("ascii")
    assert "Traceback" not in said
    assert done.returncode == (2 if "verilog" in words else 0), said
    if "verilog" in words:
        assert said.startswith("error: CONFIG: ")
        assert said.count("\n") == 1
