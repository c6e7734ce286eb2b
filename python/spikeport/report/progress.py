"""Progress on standard error: a bar on a terminal, elsewhere a line now and then with an estimate of what is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SECONDS_BETWEEN_LINES: Final = 10.0

Advance = Callable[[int], None]


@contextmanager
def bar(
    what: str, total: int | None, *, shown: bool = True, clock: Callable[[], float] = time.monotonic
) -> Iterator[Advance]:
    """Show progress called ``what``; the function given advances it by a count. Without ``total`` it counts.

    Where it is not to be ``shown``, nothing happens.
    """
    if not shown:
        yield lambda count: None
        return
    if not sys.stderr.isatty():
        yield _Lines(what, total, clock).advance
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)


class _Lines:
    def __init__(self, what: str, total: int | None, clock: Callable[[], float]) -> None:
        self.what, self.total, self.clock, self.done = what, total, clock, 0
        self.start = self.last = clock()

    def advance(self, count: int) -> None:
        self.done += count
        now = self.clock()
        if now - self.last < SECONDS_BETWEEN_LINES or self.done == self.total:
            return
        self.last = now
        of, left = "", ""
        if self.total:
            seconds = (now - self.start) * (self.total - self.done) / max(1, self.done)
            of, left = f" of {self.total:,}", f", about {duration(seconds)} left"
        print(f"{self.what}: {self.done:,}{of}{left}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Return seconds in the words that a reader would use: ``40 s``, ``12 min``, ``3.5 h``, ``9 days``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:,.0f} days"
