"""A command of ``insitu`` in this process, as a terminal would run it."""

import pytest

from insitu.cli import run
from insitu.hdl.support.cli import main

__all__ = ["status"]


def status(*words: str) -> int:
    """Exit status of ``insitu WORDS``; what it prints goes where this process's output goes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["insitu", *words])
        with pytest.raises(SystemExit) as end:
            main(lambda: run(list(words)))
    code = end.value.code
    assert isinstance(code, int)
    return code
