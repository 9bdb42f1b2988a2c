"""What a module depends on: keys of caches follow what is imported, not a list kept by hand."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

__all__ = ["sources"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hdl", "host", "program", "sim_models", "synth", "verification")


def sources(*modules: str) -> list[Path]:
    """Files that ``modules`` depend on, sorted: all modules of the project that they import, by
    whatever way and wherever in a file, and the data beside those.

    A module that is named in a string only, as cocotb's are, is to be given. ``ValueError`` for one
    that is not there.
    """
    found: set[Path] = set()
    todo = [file for name in modules for file in _files(name)]
    if len(todo) < len(modules):
        raise ValueError(f"must be modules of insitu, not {modules}")
    while todo:
        file = todo.pop()
        if file not in found:
            found.add(file)
            todo += _imported(file)
    return sorted(found.union(*(_data(folder) for folder in {file.parent for file in found})))


def _files(name: str) -> list[Path]:
    """Files that run as module ``name`` is imported, its packages' first; none if not ours."""
    # Tests are collected by their path, which does not begin with the package's name.
    words = name.removeprefix("insitu.").split(".")
    if words[0] not in PACKAGES:
        return []
    path = ROOT.joinpath(*words)
    own = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not own.is_file():
        return []
    above = [ROOT.joinpath(*words[:n]) / "__init__.py" for n in range(1, len(words))]
    return [*above, own]


@cache
def _imported(file: Path) -> list[Path]:
    words = ("insitu", *file.relative_to(ROOT).with_suffix("").parts)
    # What dots in an import are counted from.
    package = words[:-1]
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            whole = ".".join([*base, *([node.module] if node.module else [])])
            names += [whole, *(f"{whole}.{alias.name}" for alias in node.names)]
    return [one for name in names for one in _files(name)]


def _data(folder: Path) -> Iterable[Path]:
    """Files of ``folder`` that are not Python, and of folders in it that are no packages."""
    for path in folder.iterdir():
        if path.is_dir():
            if path.name != "__pycache__" and not any(path.glob("*.py")):
                yield from _data(path)
        elif path.suffix != ".py":
            yield path
