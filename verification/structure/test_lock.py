"""The pinned packages run on every Python that the project promises."""

import re
from importlib.metadata import PackageNotFoundError, metadata, requires, version

import pytest
from packaging.specifiers import SpecifierSet

from insitu.verification.simulators import ROOT

LOCK = ROOT / ".ci" / "requirements.txt"
PINS = dict(re.findall(r"^([\w.-]+)==([\w.]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
LEAST = "3.11.0"  # of `requires-python`, and of the README


def test_promise():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={LEAST.removesuffix(".0")}"' in text
    assert "Python 3.11 or newer" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert requires("insitu")


@pytest.mark.parametrize("name", sorted(PINS))
def test_pin_installs(name):
    """An early 3.11, as distributions have it, is one of them."""
    try:
        found = version(name)
    except PackageNotFoundError:
        pytest.skip("of another platform")
    if found != PINS[name]:
        pytest.skip(f"{found} is installed: `make setup`")
    given = metadata(name)
    if "Requires-Python" in given:
        assert SpecifierSet(given["Requires-Python"]).contains(LEAST), given["Requires-Python"]
