"""``compiled``: the decorator of everything that runs once per cycle."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numba

__all__ = ["compiled"]

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / "build" / "cache" / "timing"


def _key() -> str:
    """Of all that is compiled: numba itself would not see a change in a function that is called."""
    sources = [path.read_bytes() for path in sorted(HERE.glob("*.py"))]
    return hashlib.sha256(numba.__version__.encode() + b"\0".join(sources)).hexdigest()[:16]


# Where numba looks for what it compiled before; a minute's work on a slow machine.
numba.config.CACHE_DIR = str(CACHE / _key())


def compiled(function: Callable) -> Callable:
    """Compile ``function``, once for each version of the package; threads run side by side."""
    return numba.njit(cache=True, nogil=True)(function)
