"""What is kept of spikes in their order, in bounded memory.

- `Intervals`: inter-spike intervals
- `Raster`: windows of consecutive steps, a uniform sample of all (Vitter 1985, algorithm R)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.profiling.recording.reductions import ValueSummary
from spikeport.profiling.recording.streaming import Moments

Array = npt.NDArray[Any]


class Intervals:
    """Inter-spike intervals, in steps: their moments, and a histogram up to ``longest``."""

    def __init__(self, longest: int = 64) -> None:
        self.moments = Moments()
        self.histogram = np.zeros(longest, np.int64)
        self._last: Array | None = None
        self._now = 0

    def end_sequence(self) -> None:
        """Forget the last spikes: the next step belongs to another sequence."""
        self._last = None

    def add(self, spikes: Array) -> None:
        """Add steps of shape (T, n); they follow the ones before unless the sequence ended or n changed."""
        n_steps, n = spikes.shape
        if self._last is None or len(self._last) != n:
            self._last, self._now = np.full(n, -1, np.int64), 0
        neuron, step = np.nonzero(spikes.T)
        step = step + self._now
        self._now += n_steps
        if not len(neuron):
            return
        first = np.r_[True, neuron[1:] != neuron[:-1]]
        before = np.where(first, self._last[neuron], np.r_[0, step[:-1]])
        self._last[neuron] = step  # within a neuron steps ascend, so the last one stays
        intervals = (step - before)[before >= 0]
        if len(intervals):
            mean = float(intervals.mean())
            squares = float(np.square(intervals - mean).sum())
            self.moments.add(
                ValueSummary(len(intervals), mean, squares, float(intervals.min()), float(intervals.max()), 0)
            )
            clipped = np.minimum(intervals, len(self.histogram)) - 1
            self.histogram += np.bincount(clipped, minlength=len(self.histogram))


class Raster:
    """A uniform sample of windows of consecutive steps, each at most ``window`` long."""

    def __init__(self, windows: int = 10, window: int = 32, seed: int = 0) -> None:
        self._capacity, self._length = windows, window
        self._random = np.random.default_rng(seed)
        self._seen = 0
        self._kept: list[tuple[int, list[Array]]] = []
        self._slot: int | None = None
        self._filled = 0

    def end_sequence(self) -> None:
        """Begin a new window with the next step."""
        self._filled = 0

    def add(self, step: int, rows: Array) -> None:
        """Add consecutive rows of shape (T, n), recorded at training step ``step``."""
        while len(rows):
            if self._filled == 0:
                self._open(step)
            taken = rows[: self._length - self._filled]
            if self._slot is not None:
                self._kept[self._slot][1].append((taken > 0).astype(np.int8) - (taken < 0))
            self._filled = (self._filled + len(taken)) % self._length
            rows = rows[len(taken) :]

    def _open(self, step: int) -> None:
        self._seen += 1
        if len(self._kept) < self._capacity:
            self._slot = len(self._kept)
            self._kept.append((step, []))
            return
        draw = int(self._random.integers(self._seen))
        self._slot = draw if draw < self._capacity else None
        if self._slot is not None:
            self._kept[self._slot] = (step, [])

    def windows(self) -> list[tuple[int, Array]]:
        """Return the windows kept, in order: the training step of the first row, and spikes of shape (T, n)."""
        found = [(step, np.concatenate(rows)) for step, rows in self._kept if rows]
        return sorted(found, key=lambda window: window[0])
