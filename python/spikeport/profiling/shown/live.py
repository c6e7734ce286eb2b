"""A table on the terminal, a line a layer, that follows a training."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.live import Live

from spikeport.profiling.pathology import ProfilingError
from spikeport.profiling.shown.terminal import layer_table

if TYPE_CHECKING:
    from spikeport.profiling.profiler import SpikeProfiler


class LiveView:
    """Show the profiler's layers while the context is open; ``refresh()`` draws at once.

    The table is made from the profiler's own thread, on `refresh` and on every recording that a watch makes, at most
    ``refresh_per_second`` times: there is no second thread to race with.
    """

    def __init__(
        self, profiler: SpikeProfiler, refresh_per_second: float = 4.0, console: Console | None = None
    ) -> None:
        if not refresh_per_second > 0:
            raise ProfilingError("refresh", f"refresh_per_second is {refresh_per_second!r}: give a number above 0")
        self._profiler = profiler
        self._pause = 1.0 / refresh_per_second
        self._drawn = 0.0
        self._live = Live(self._table(), console=console, auto_refresh=False, transient=False)

    def _table(self) -> RenderableType:
        report = self._profiler.report()
        return layer_table(report.layer_stats, report.pathologies)

    def update(self) -> None:
        """Draw, unless the last drawing is too recent."""
        if time.monotonic() - self._drawn >= self._pause:
            self.refresh()

    def refresh(self) -> None:
        """Draw now."""
        self._live.update(self._table(), refresh=True)
        self._drawn = time.monotonic()

    def __enter__(self) -> LiveView:
        self._profiler.listeners.append(self.update)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._profiler.listeners.remove(self.update)
        try:
            self.refresh()
        finally:
            self._live.stop()
