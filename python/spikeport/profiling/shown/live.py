"""A table on the terminal, one line per layer, that follows a training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live

from spikeport.profiling.findings import Findings
from spikeport.profiling.pathology import ProfilingError
from spikeport.profiling.shown.terminal import layer_table


class LiveView:
    """Show the layers while the context is open; ``refresh()`` draws at once.

    Parameters
    ----------
    report : a function that returns the diagnosis of now
    listeners : the functions that are called after every recording; the view adds itself while it is open
    refresh_per_second : drawings at most
    console : where to draw; standard output without one

    The table is made from the profiler's own thread, on `refresh` and after a recording: there is no second thread to
    race with.
    """

    def __init__(
        self,
        report: Callable[[], Findings],
        listeners: list[Callable[[], None]],
        refresh_per_second: float = 4.0,
        console: Console | None = None,
    ) -> None:
        if not refresh_per_second > 0:
            raise ProfilingError("refresh", f"refresh_per_second is {refresh_per_second!r}: give a number above 0")
        self._report, self._listeners = report, listeners
        self._pause = 1.0 / refresh_per_second
        self._drawn = -math.inf
        self._live = Live(self._table(), console=console, auto_refresh=False, transient=False)

    def _table(self) -> RenderableType:
        findings = self._report()
        return layer_table(findings.layer_stats, findings.pathologies)

    def update(self) -> None:
        """Draw, unless the last drawing is too recent."""
        if time.monotonic() - self._drawn >= self._pause:
            self.refresh()

    def refresh(self) -> None:
        """Draw now."""
        self._live.update(self._table(), refresh=True)
        self._drawn = time.monotonic()

    def __enter__(self) -> LiveView:
        self._listeners.append(self.update)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listeners.remove(self.update)
        try:
            self.refresh()
        finally:
            self._live.stop()
