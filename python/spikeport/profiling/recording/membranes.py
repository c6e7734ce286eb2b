"""The membranes of one layer as they are recorded, and the surrogate's derivative at them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spikeport.profiling.recording.arrays import subsample
from spikeport.profiling.recording.reductions import summarise
from spikeport.profiling.recording.streaming import History, Moments, Sample


class MembraneRecorder:
    """Moments of all membranes, a sample of them, curves over training, and where the surrogate is inactive.

    Attributes
    ----------
    moments : of all membranes
    threshold : the neurons' threshold, where it is known
    first_deviation : standard deviation of the first membranes recorded
    n_inactive, n_judged : membranes at which the surrogate's derivative is about 0, of how many
    """

    def __init__(self, inactive_derivative: float) -> None:
        self.moments, self.sample = Moments(), Sample()
        self.mean_curve, self.deviation_curve = History(), History()
        self.threshold: float | None = None
        self.first_deviation = math.nan
        self.n_inactive = self.n_judged = 0
        self._inactive_derivative = inactive_derivative

    def record(self, step: int, voltages: Any, threshold: float | None) -> tuple[float, int]:
        """Add membranes, and return their standard deviation and how many are not finite."""
        summary = summarise(voltages)
        if threshold is not None:
            self.threshold = float(threshold)
        if summary.total == 0:
            return math.nan, summary.non_finite
        deviation = math.sqrt(summary.squares / summary.total)
        self.moments.add(summary)
        if math.isnan(self.first_deviation):
            self.first_deviation = deviation
        self.mean_curve.add(step, summary.mean)
        self.deviation_curve.add(step, deviation)
        if self.sample.wants():
            self.sample.add(subsample(voltages, 256))
        return deviation, summary.non_finite

    def record_surrogate(self, derivatives: Any, peak: float | None) -> int:
        """Add derivatives of the surrogate, and return how many are not finite.

        ``peak`` is the derivative at the threshold; without it, the largest of those given.
        """
        some = np.abs(subsample(derivatives, 8192))
        finite = some[np.isfinite(some)]
        highest = float(finite.max(initial=0.0)) if peak is None else peak
        self.n_inactive += int(np.count_nonzero(finite <= self._inactive_derivative * highest))
        self.n_judged += len(finite)
        return len(some) - len(finite)

    @property
    def inactive_fraction(self) -> float:
        """Share of membranes at which the surrogate is inactive, NaN where no derivative was recorded."""
        return self.n_inactive / self.n_judged if self.n_judged else math.nan
