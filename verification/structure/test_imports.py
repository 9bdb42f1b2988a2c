"""Which package imports which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from insitu.hdl.support.imports import PACKAGES
from insitu.verification.simulators import ROOT


def _module(path: Path) -> list[str]:
    words = list(path.relative_to(ROOT).with_suffix("").parts)
    return words[:-1] if words[-1] == "__init__" else words


def _room(words: list[str]) -> str:
    """What is a node of the graph: a folder or a file of hdl, else a top folder."""
    return ".".join(words[:2]) if words[0] == "hdl" else words[0]


def _imports(path: Path) -> set[str]:
    """Rooms of the project that ``path`` imports from, anywhere in it."""
    words = _module(path)
    package = words if path.name == "__init__.py" else words[:-1]
    found: list[list[str]] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            if node.level:
                module = ["insitu", *package[: len(package) - node.level + 1], *module]
            found += [[*module, alias.name] for alias in node.names]
    ours = [words[1:] for words in found if words[0] == "insitu" and len(words) > 1]
    return {_room(words) for words in ours if words[0] in PACKAGES}


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            room = _room(_module(path))
            # A folder's own door: `insitu` itself is no part of program/.
            if "insitu" not in path.relative_to(ROOT).parts:
                found.setdefault(room, set()).update(_imports(path) - {room})
    return found


def test_no_circle(graph):
    """A package that is imported imports nothing, however far, of what imports it."""
    left = {room: needs & graph.keys() for room, needs in graph.items()}
    while ready := [room for room, needs in left.items() if not needs]:
        for room in ready:
            del left[room]
        for needs in left.values():
            needs.difference_update(ready)
    assert left == {}


def test_hardware_stands_alone(graph):
    for room, needs in graph.items():
        if room.startswith("hdl"):
            assert all(need.startswith("hdl") for need in needs), room


WITHOUT = """
import sys
for name in {names}:
    sys.modules[name] = None
import insitu, {modules}
"""


@pytest.mark.parametrize(
    ("names", "modules"),
    [
        (["amaranth", "serial", "rich", "numba"], ["insitu.host", "insitu.hdl.config"]),
        (["amaranth", "numba"], ["insitu.sim_models.golden", "insitu.program.plan"]),
        (
            ["numba", "cocotb", "pyosys", "sklearn", "matplotlib"],
            ["insitu.cli", "insitu.hdl.array"],
        ),
    ],
)
def test_what_is_imported_needs_no_more(names, modules):
    """Software without Amaranth, the command without any extra."""
    text = WITHOUT.format(names=names, modules=", ".join(modules))
    subprocess.run([sys.executable, "-c", text], check=True)
