"""The positive values of a stream, for their percentiles: exact while they fit, then a histogram of leading bits.

A positive float64 is ordered as its bits are, so the first 10 bits behind the exponent make 1,024 buckets for each
doubling. What such a bucket holds differs from its middle by at most one part in 2,048: that is the error of a
percentile of more than `KEPT` values, 0.05 %. The largest value is kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

KEPT: Final = 1 << 20
"""Values that are held as they are; more of them become a histogram."""

RELATIVE_ERROR: Final = 2.0**-11
"""Of a percentile that comes from the histogram."""

_DROPPED: Final = np.uint64(52 - 10)


class PositiveValues:
    """Gathers the positive values of arrays, in memory that does not grow with their number."""

    def __init__(self, kept: int = KEPT) -> None:
        self._most = kept
        self._parts: list[Array] = []
        self._buckets = np.zeros(0, np.int64)
        self._counts = np.zeros(0, np.int64)
        self.count = 0
        """Number of positive values so far."""
        self.largest = 0.0
        """The largest of them; 0 for none."""

    @property
    def is_exact(self) -> bool:
        """Whether every value is held as it is."""
        return not self._counts.size

    def add(self, values: Array) -> None:
        """Take the positive values of a finite array."""
        positive = values[values > 0].astype(np.float64)
        if not positive.size:
            return
        self.count += positive.size
        self.largest = max(self.largest, float(positive.max()))
        self._parts.append(positive)
        if self.count > self._most:
            self._fold()

    def percentile(self, percentile: float) -> float | None:
        """Return the ``percentile``, in (0, 100], as `numpy.percentile` has it; None where no value was positive."""
        if not self.count:
            return None
        if self.is_exact:
            return float(np.percentile(np.concatenate(self._parts), percentile))
        place = percentile / 100 * (self.count - 1)
        below, above = map(float, self._values(np.array([np.floor(place), np.ceil(place)], np.int64)))
        return below + (above - below) * float(place - np.floor(place))

    def spread(self, most: int) -> Array:
        """Return the values in ascending order, or ``most`` of them, evenly spread over it and with the largest."""
        ranks = np.unique(np.linspace(0, self.count - 1, min(most, self.count)).round().astype(np.int64))
        if self.is_exact:
            return np.asarray(np.sort(np.concatenate(self._parts))[ranks] if self.count else np.zeros(0))
        return self._values(ranks)

    def _fold(self) -> None:
        new = (np.concatenate(self._parts).view(np.uint64) >> _DROPPED).astype(np.int64)
        self._parts.clear()
        ends = [new.min(), new.max(), *self._buckets[:1], *self._buckets[-1:]]
        low = min(ends)
        counts = np.bincount(
            new - low, minlength=int(max(ends) - low) + 1
        )  # at most 2^21: a positive double has 11 + 10
        counts[self._buckets - low] += self._counts
        (places,) = counts.nonzero()
        self._buckets, self._counts = places + low, counts[places]

    def _values(self, ranks: npt.NDArray[np.int64]) -> Array:
        """Return the values with so many below them, to `RELATIVE_ERROR`."""
        buckets = self._buckets[np.searchsorted(np.cumsum(self._counts), ranks, side="right")].astype(np.uint64)
        middles = (buckets << _DROPPED) | (np.uint64(1) << (_DROPPED - np.uint64(1)))
        found = np.minimum(middles.view(np.float64), self.largest)
        return np.where(ranks == self.count - 1, self.largest, found)


Theta = Callable[[PositiveValues], float | None]
"""A rule: from the positive values of a layer, or of one of its channels, to θ; None where there is none."""


class Outputs:
    """What a layer put out: its positive values, and for a last layer that may have none, how far the others go.

    ``channels`` keeps those of each channel apart.
    """

    def __init__(self, channels: int = 1) -> None:
        self.positive = [PositiveValues(KEPT // channels) for _ in range(channels)]
        self.negative = PositiveValues()

    def add(self, output: Array, *, is_drive: bool) -> None:
        """Take what the layer gives for a batch; ``is_drive`` for a last layer without activation."""
        if len(self.positive) == 1:
            self.positive[0].add(output)
        else:
            for channel, values in zip(np.moveaxis(output, 1, 0), self.positive, strict=True):
                values.add(channel)
        if is_drive and not any(values.count for values in self.positive):
            self.negative.add(-output)

    def thetas(self, rule: Theta) -> Array | None:
        """Return what ``rule`` says of each channel, or None where no value was positive.

        A channel without any gets the largest of the others: it clips nothing.
        """
        found = [rule(values) for values in self.positive]
        seen = [value for value in found if value is not None]
        return np.array([max(seen) if value is None else value for value in found]) if seen else None
