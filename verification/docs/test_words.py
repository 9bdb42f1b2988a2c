"""One name per thing, and plain words: docs/glossary.md has the meanings, these are the strays."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from insitu.verification.simulators import ROOT

PLAIN = {
    r"behind": "after, or: at the other end of",
    r"whoever": "who, what",
    r"doomed": "discarded",
    r"(came|come|comes|coming) to (no|an) end": "did not finish",
    r"to no end": "did not finish",
    r"turn(s|ed|ing)? (the|their|its|a) (top |sign )?bits?": "invert",
    r"(tells?|told) of (an? )?errors?": "reports",
    r"strew(s|n|ed)?": "scatter",
    r"(in|on) an idle machine": "idle computer",
    r"GEMM core": "machine",
    r"(a GPU|von Neumann|CPU|idle)(.s)? core": "processor, device",
    r"mesh of PEs": "grid of PEs",
}
"""Refused everywhere in pages, docstrings and comments; what to say instead."""

OF_PAGES = {
    "docs/array.md": {r"mesh(?!\.py)": "grid"},
    "docs/compare.md": {
        r"(?<!CIM |ory )(?<!register )(?<!mesh of )tiles?(?! memor)": "CIM tile, register tile",
        r"meshes and banks": "meshes and in-bank machines",
    },
    "docs/configuration.md": {
        r"(?<!CIM |ory )(?<!register )(?<!mesh )(?<!mesh of )tile": "CIM tile"
    },
    "README.md": {r"(?<!mesh of )tiles?": "CIM tile, mesh tile"},
}
"""Besides, where a word that has one meaning on one page must be named in full on another."""

HISTORY = "docs/CHANGELOG.md"  # says what was, in the words of its time
FOLDERS = ("hdl", "program", "sim_models", "host", "synth", "verification", "docs/examples")
LATER = ("verification/bench", "verification/machine")
"""Folders whose words are still to be gone through."""

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
HERE = Path(__file__).resolve()


def _strays(text: str, rules: dict[str, str]) -> Iterator[str]:
    """Each stray, with the words around it and what to say instead."""
    flat = re.sub(r"\s+", " ", text)
    for pattern, instead in rules.items():
        for match in re.finditer(rf"\b(?:{pattern})\b", flat, re.IGNORECASE):
            around = flat[max(0, match.start() - 30) : match.end() + 30]
            yield f"{around!r}: say {instead}"


def _sources() -> list[str]:
    found = [
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".c", ".h", ".cpp", ".v", ".rdl", ".toml")
        and path.resolve() != HERE
    ]
    return sorted(name for name in found if not name.startswith(tuple(f"{x}/" for x in LATER)))


def _words(path: Path) -> str:
    """Comments and strings of Python; of other sources all that is after a // or #."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return "\n".join(re.findall(r"(?://|#|/\*)(.*)", text))
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    # Lines of one comment are one text.
    return " ".join(token.string.lstrip("# ") for token in tokens if token.type in kinds)


@pytest.mark.parametrize("name", PAGES)
def test_pages(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", " ", text, flags=re.DOTALL)  # not code, links
    rules = {} if name == HISTORY else PLAIN | OF_PAGES.get(name, {})
    assert list(_strays(text, rules)) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_sources(folder):
    """Docstrings and comments; identifiers are another matter."""
    found = {
        name: strays
        for name in _sources()
        if name.startswith(f"{folder}/") and (strays := list(_strays(_words(ROOT / name), PLAIN)))
    }
    assert found == {}


def test_glossary_is_in_order():
    """Sorted, each term once, and every term has a meaning."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", text, flags=re.MULTILINE)[1:]
    terms = [term for term, _ in rows if term != "---"]
    assert terms == sorted(set(terms), key=str.casefold)
