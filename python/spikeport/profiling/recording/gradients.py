"""The gradient norms of one layer as they are recorded."""

from __future__ import annotations

import math

from spikeport.profiling.pathology import Thresholds
from spikeport.profiling.recording.reductions import ValueSummary
from spikeport.profiling.recording.statistics import Explosion
from spikeport.profiling.recording.streaming import History, Moments


class GradientRecorder:
    """Moments of the norms, their curve over training, and an explosion where there was one.

    Attributes
    ----------
    norms : moments of all norms
    last : the last norm
    explosion : a norm far above those before it, or None
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self.norms, self.curve = Moments(), History()
        self.last = math.nan
        self.explosion: Explosion | None = None
        self._thresholds = thresholds

    def record(self, step: int, norm: float) -> None:
        """Add the finite norm of a gradient."""
        before, limits = self.norms, self._thresholds
        if before.count >= limits.explosion_history and norm > limits.explosion_ratio * before.mean > 0:
            self._note_explosion(step, norm, norm / before.mean)
        self.norms.add(ValueSummary(total=1, mean=norm, squares=0.0, low=norm, high=norm, non_finite=0))
        self.curve.add(step, norm)
        self.last = norm

    def _note_explosion(self, step: int, norm: float, ratio: float) -> None:
        """Keep when the first one was, the worst one, and how many there were."""
        seen = self.explosion or Explosion(step, norm, ratio, 0)
        worst = (norm, ratio) if ratio >= seen.ratio else (seen.norm, seen.ratio)
        self.explosion = Explosion(seen.first_step, *worst, seen.times + 1)
