"""``compiled``: the decorator of everything that runs once per cycle."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

from insitu.hdl.support.files import BUILD, contents, digest, locked
from insitu.hdl.support.imports import sources

__all__ = ["compiled"]

CACHE = BUILD / "cache" / "timing"
# All that is compiled: numba itself would not see a change in a function that is called, nor in a
# constant that another module has.
KEY = digest(numba.__version__, *contents(sources("insitu.sim_models.timing")))

if sys.stderr.isatty() and not (CACHE / KEY).is_dir():
    print("compiling the timing model, once: about a minute", file=sys.stderr)
# Where numba looks for what it compiled before.
numba.config.CACHE_DIR = str(CACHE / KEY)


class _Cache(FunctionCache):
    """Numba's, in which a file that is not whole counts as none, and processes take turns: two that
    add to one index would give two results one name.

    Numba has a folder for each place that a source file lies in; here copies of the package share
    one, as :data:`KEY` is of what they contain. Where :data:`CACHE` cannot be written to, numba may
    have found another place for it, which stays.
    """

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        folder, locator = CACHE / KEY, self._impl.locator
        if Path(locator.get_cache_path()).parent == folder:  # what was chosen stays empty
            shared = folder / Path(function.__code__.co_filename).stem
            self._cache_path = locator._cache_path = str(shared)
            locator.ensure_cache_path()
            self._cache_file = IndexDataCacheFile(
                str(shared), self._impl.filename_base, locator.get_source_stamp()
            )

    def _turn(self) -> AbstractContextManager[None]:
        return locked(Path(self._cache_path) / "turn")

    def load_overload(self, *given: Any) -> Any:
        try:
            return super().load_overload(*given)
        except Exception:  # whatever comes of reading what numba did not write
            with self._turn():
                self.flush()
            return None

    def save_overload(self, *given: Any) -> None:
        with self._turn():
            super().save_overload(*given)


def compiled(function: Callable) -> Callable:
    """Compile ``function``, once for each version of the package; threads run side by side."""
    dispatcher = numba.njit(nogil=True)(function)
    # Where nothing can be written all is compiled anew each time.
    with suppress(RuntimeError):
        dispatcher._cache = _Cache(function)  # as its `enable_caching` does
    return dispatcher
