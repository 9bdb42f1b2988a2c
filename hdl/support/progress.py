"""Progress of long work: a bar with per cent and time left on a terminal, elsewhere a line now and
then. Every command shows it by :func:`progress`."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.progress import Task as Shown
from rich.text import Text

__all__ = ["Work", "number_in", "progress", "spent"]

PERIOD, MOST, SLOWER = 10.0, 60.0, 1.5
"""Seconds to the first line where there is no terminal, those between lines at most, and by how
much each such time is longer than the one before it."""

LOOK = 0.25  # seconds from one look at how far it is to the next


def spent(seconds: float) -> str:
    """A time as people say it: ``8 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


class Work:
    """What is under way and how far it is.

    Parameters
    ----------
    what : str
    total : float or None
        All of it, in any unit; ``None`` if nobody knows.
    """

    def __init__(self, what: str, total: float | None) -> None:
        self.what, self.total, self.done = what, total, 0.0
        self.began = time.monotonic()

    def to(self, done: float) -> None:
        """So much is done."""
        self.done = done

    def advance(self, more: float = 1) -> None:
        """So much more is done."""
        self.done += more

    def say(self, what: str) -> None:
        """It is this now."""
        self.what = what

    def told(self) -> str:
        """Per cent if they are known, the time so far, and about how much is left."""
        took = time.monotonic() - self.began
        if not self.total:
            return spent(took)
        part = min(1.0, self.done / self.total)
        words = f"{100 * part:.0f} %, {spent(took)}"
        # Of less than a hundredth nothing can be concluded.
        return words + (f", about {spent(took / part - took)} left" if 0.01 <= part < 1 else "")


class _Told(ProgressColumn):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def render(self, task: Shown) -> Text:
        return Text(self._work.told(), style="progress.percentage")


def number_in(path: Path) -> Callable[[], float | None]:
    """How far a process is that writes it into a file; ``None`` while there is none."""

    def look() -> float | None:
        try:
            return float(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    return look


@contextmanager
def progress(
    console: Console,
    what: str,
    total: float | None = None,
    *,
    look: Callable[[], float | None] | None = None,
) -> Iterator[Work]:
    """Tell of the work of the block on ``console`` until it ends; nothing remains on a terminal.

    ``look`` is asked now and then how much is done, for work that cannot say so itself.
    """
    work = Work(what, total)
    ended = threading.Event()
    on_terminal = console.is_terminal and not console.is_dumb_terminal
    columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}")]
    columns += [BarColumn(24)] if total else []
    bar = Progress(*columns, _Told(work), console=console, transient=True, disable=not on_terminal)
    task = bar.add_task(what, total=total)

    def watch() -> None:
        wait = PERIOD
        line_at = work.began + wait
        while not ended.wait(LOOK):
            if look and (found := look()) is not None:
                work.to(found)
            bar.update(task, description=work.what, completed=work.done)
            if not on_terminal and time.monotonic() >= line_at:
                console.print(f"{work.what}: {work.told()}")
                wait = min(MOST, SLOWER * wait)
                line_at = time.monotonic() + wait

    with bar:
        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield work
        finally:
            ended.set()
            watching.join()
