"""Tools that the project runs: where they work, and what they said if they failed."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..config import UserError

__all__ = ["said", "scratch_folder"]

# What reports an error, but not how many they were.
_ERROR = re.compile(
    r"^(?!.*(Exiting due to|returned \d+ exit status)|\d+ error).*\b(error|fatal)\b", re.IGNORECASE
)


def said(text: str) -> str:
    """The last line of a tool's output that reports an error, else its last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.search(line)]
    return (errors or lines or ["it said nothing"])[-1][:300]


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder until the end of the block; it stays after a ``UserError``, which names its log."""
    path = Path(tempfile.mkdtemp(prefix="insitu-"))
    try:
        yield path
    except UserError:
        raise
    except BaseException:
        shutil.rmtree(path)
        raise
    shutil.rmtree(path)
