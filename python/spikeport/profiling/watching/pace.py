"""`Pace`: which training iterations a watch records."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spikeport.checks import is_whole
from spikeport.profiling.pathology import ProfilingError


class Pace:
    """One iteration in ``every`` is recorded, and fewer where recording would take too large a share of the time.

    Parameters
    ----------
    every : one iteration in that many is recorded
    max_overhead : share of the training's own time that recording may take; ``every`` grows to keep it
    clock : a function that returns the time in seconds

    Attributes
    ----------
    iteration : number of the present iteration, from 0; -1 before the first
    """

    def __init__(
        self, every: int, max_overhead: float | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        if not is_whole(every) or every < 1:
            raise ProfilingError("every", f"every must be a whole number of at least 1, not {every!r}")
        if max_overhead is not None and not 0 < max_overhead < 1:
            raise ProfilingError("max_overhead", f"max_overhead must be a share between 0 and 1, not {max_overhead}")
        self.every, self.iteration = int(every), -1
        self._least, self._max_overhead, self._clock = self.every, max_overhead, clock
        self._started, self._busy = clock(), 0.0
        self._last: int | None = None
        self._n_recorded = 0

    def next(self) -> bool:
        """Begin the next iteration and return whether it is to be recorded."""
        self._keep_bound()
        self.iteration += 1
        if self._last is not None and self.iteration - self._last < self.every:
            return False
        self._last = self.iteration
        self._n_recorded += 1
        return True

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Count the time inside the context as spent on recording."""
        began = self._clock()
        yield
        self._busy += self._clock() - began

    def _keep_bound(self) -> None:
        """After a recorded iteration, lengthen the interval to what keeps the share of the time that was asked for."""
        if self._max_overhead is None or self._last is None or self._last != self.iteration:
            return
        plain = (self._clock() - self._started - self._busy) / (self.iteration + 1)
        cost = self._busy / self._n_recorded
        self.every = max(self._least, math.ceil(cost / (self._max_overhead * max(plain, 1e-9))))
