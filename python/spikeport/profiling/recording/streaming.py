"""Statistics of a stream in bounded memory.

- `Moments`: mean and deviation, merged in batches (Welford 1962; Chan, Golub and LeVeque 1983)
- `History`: a curve over training that halves its resolution whenever it is full
- `Sample`: values kept evenly over the stream
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.profiling.recording.reductions import ValueSummary

Array = npt.NDArray[Any]


class Moments:
    """Count, mean, variance and extremes of all values so far.

    Batches A and B are merged by ``δ = mean_B - mean_A``, ``mean = mean_A + δ·n_B/n`` and
    ``M2 = M2_A + M2_B + δ²·n_A·n_B/n``, which does not cancel far from 0.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = math.nan
        self.squares = 0.0
        self.low, self.high = math.inf, -math.inf

    def add(self, part: ValueSummary) -> None:
        """Merge a batch."""
        if part.total == 0:
            return
        if self.count == 0:
            self.count, self.mean, self.squares = part.total, part.mean, part.squares
        else:
            total = self.count + part.total
            delta = part.mean - self.mean
            self.squares += part.squares + delta * delta * self.count * part.total / total
            self.mean += delta * part.total / total
            self.count = total
        self.low, self.high = min(self.low, part.low), max(self.high, part.high)

    @property
    def std(self) -> float:
        """Standard deviation of the values themselves (divided by n); NaN without values."""
        return math.sqrt(self.squares / self.count) if self.count else math.nan


class History:
    """A curve of (step, value) with at most ``capacity`` points.

    Each point stands for ``stride`` values: their first step, mean and largest. A full curve merges its points in
    pairs.
    """

    def __init__(self, capacity: int = 256) -> None:
        self.capacity = capacity
        self.stride = 1
        self.count = 0
        self._points: list[tuple[int, float, float]] = []
        self._begin()

    def _begin(self) -> None:
        self._first = self._filled = 0
        self._total, self._peak = 0.0, -math.inf

    def add(self, step: int, value: float) -> None:
        """Append a value."""
        self.count += 1
        self._first = self._first if self._filled else step
        self._filled += 1
        self._total += value
        self._peak = max(self._peak, value)
        if self._filled < self.stride:
            return
        self._points.append(self._closed())
        self._begin()
        if len(self._points) == self.capacity:
            pairs = zip(self._points[::2], self._points[1::2], strict=True)
            self._points = [(a[0], (a[1] + b[1]) / 2, max(a[2], b[2])) for a, b in pairs]
            self.stride *= 2

    def _closed(self) -> tuple[int, float, float]:
        return self._first, self._total / self._filled, self._peak

    def _all(self) -> list[tuple[int, float, float]]:
        return self._points + ([self._closed()] if self._filled else [])

    @property
    def steps(self) -> list[int]:
        """First step of each point."""
        return [point[0] for point in self._all()]

    @property
    def means(self) -> list[float]:
        """Mean of each point."""
        return [point[1] for point in self._all()]

    @property
    def peaks(self) -> list[float]:
        """Largest value of each point."""
        return [point[2] for point in self._all()]

    def quarters(self) -> list[float]:
        """Return the mean of each quarter of the curve, all four from at least 4 points."""
        return [float(part.mean()) for part in np.array_split(np.asarray(self.means), 4) if part.size]


class Sample:
    """At most ``capacity`` values, taken evenly over the stream.

    Whenever the store is full, every second value goes, and from then on every second batch is left out.
    """

    def __init__(self, capacity: int = 8192) -> None:
        self.capacity = capacity
        self._stride = 1
        self._batches = 0
        self._parts: list[Array] = []
        self._size = 0

    def wants(self) -> bool:
        """Whether the next batch is to be added; counts it."""
        self._batches += 1
        return (self._batches - 1) % self._stride == 0

    def add(self, values: Array) -> None:
        """Keep a batch."""
        self._parts.append(np.asarray(values, np.float64))
        self._size += len(values)
        if self._size > self.capacity:
            kept = np.concatenate(self._parts)[::2]
            self._parts, self._size = [kept], len(kept)
            self._stride *= 2

    @property
    def values(self) -> Array:
        """The values kept that are finite."""
        everything = np.concatenate([np.zeros(0), *self._parts])
        return np.asarray(everything[np.isfinite(everything)])
