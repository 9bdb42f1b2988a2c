"""Results and caches on disk: private while they are made, then put in place whole.

Two processes may make the same thing at once, and any of them may be killed.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ..config import Config, UserError, config_names, load

__all__ = [
    "BUILD",
    "check_writable",
    "contents",
    "digest",
    "folder_of",
    "kept",
    "locked",
    "private_folder",
    "write_whole",
]

BUILD = Path(os.environ.setdefault("INSITU_BUILD", str(Path.cwd() / "build")))
"""Where all results and caches go: ``build`` in the folder that a command is started in. What it
starts, in whatever folder, has the same; so the environment may name another."""
SUMS = "sums.json"  # digest of each file of a cache entry, by name


def digest(*parts: str) -> str:
    """Key of a cache entry: SHA-256 of ``parts``, no two lists of which are taken for one."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def contents(paths: Iterable[Path]) -> list[str]:
    """Digest of each file, for a key."""
    return [_sum(path) for path in paths]


def folder_of(config: Config) -> str:
    """Name of the folder for results of ``config``.

    The name of a configuration of ``configs/``, with its target as :func:`insitu.hdl.config.load`
    has it; any other's ends in its hash, as files of one name may differ.
    """
    for name in (config.name, config.name.removesuffix(f"-{config.target}")):
        if name in config_names() and load(name).retarget(config.target).hash == config.hash:
            return config.name
    return f"{config.name}-{config.hash}"


def _beside(path: Path) -> Path:
    """A name of nobody else's beside ``path``; ``UserError`` if no file can be made there."""
    scratch = path.with_name(f".{path.name}-{uuid4().hex[:12]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.mkdir()
        scratch.rmdir()
    except OSError as error:
        # A file where a folder is wanted is told of as a folder that exists.
        reason = os.strerror(errno.ENOTDIR if error.errno == errno.EEXIST else error.errno or 0)
        rule = "must be a folder that can be written to"
        raise UserError(f"{path.parent}: {rule}, not one that gives {reason!r}") from None
    return scratch


def check_writable(folder: Path) -> None:
    """Before work whose result goes to ``folder``: ``UserError`` if no file can be made there."""
    _beside(folder / "x")


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, which never has a part of it."""
    scratch = _beside(path)
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def private_folder(path: Path) -> Iterator[Path]:
    """A new folder, put in place of ``path`` and all that was in it at the end of the block.

    After an error as well, as its logs are to be read: the error's text says where they are then.
    After an interruption nothing remains of it. ``UserError`` before the block if it cannot be
    made, so that no work is lost.
    """
    scratch = _beside(path)
    scratch.mkdir()
    try:
        yield scratch
    except Exception as error:
        error.args = tuple(
            x.replace(str(scratch), str(path)) if isinstance(x, str) else x for x in error.args
        )
        if isinstance(error, OSError) and isinstance(error.filename, str):
            error.filename = error.filename.replace(str(scratch), str(path))
        _put(scratch, path)
        raise
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    _put(scratch, path)


def _put(scratch: Path, path: Path) -> None:
    """Rename ``scratch`` to ``path``; what was there goes, and another process may do the same."""
    old = scratch.with_name(f"{scratch.name}.old")
    while True:
        try:
            scratch.rename(path)
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        try:
            path.rename(old)
        except FileNotFoundError:
            continue
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock that other threads and processes of this checkout respect."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f"{path.name}.lock"), "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def kept(path: Path, make: Callable[[Path], object]) -> Path:
    """Cache entry ``path``: a folder with what ``make`` leaves in the one it is given, made once.

    Its files are compared with their digests; if one is not as it was, all are made again.
    """
    if not _sound(path):
        with locked(path):
            if not _sound(path):
                with private_folder(path) as scratch:
                    make(scratch)
                    files = sorted(file for file in scratch.rglob("*") if file.is_file())
                    sums = {str(file.relative_to(scratch)): _sum(file) for file in files}
                    (scratch / SUMS).write_text(json.dumps(sums), encoding="utf-8")
    return path


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sound(path: Path) -> bool:
    try:
        sums = json.loads((path / SUMS).read_text(encoding="utf-8"))
        return all(_sum(path / name) == found for name, found in sums.items())
    except (OSError, ValueError, AttributeError):
        return False
