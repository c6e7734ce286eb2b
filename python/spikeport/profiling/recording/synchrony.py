"""Synchrony: how far the samples of a batch spike together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_SEQUENCE = 64
"""Steps recorded one by one are taken for one sequence up to this many."""


class Synchrony:
    """An intra-class correlation of the samples of a batch, in two sums that grow with every sequence.

    With p the share of samples that spike at a step and r a neuron's rate over the sequence::

        synchrony = 1 - Σ p·(1 - p)·B/(B - 1) / Σ r·(1 - r)

    1 where all samples spike together, 0 where they do not depend on each other.

    Attributes
    ----------
    within, between : both sums, over the sequences that have ended
    """

    def __init__(self) -> None:
        self.within = self.between = 0.0
        self._shares: Array = np.zeros(0)
        self._n_steps, self._sequence_within = 0, 0.0

    def add(self, events: Array, n_samples: int) -> None:
        """Add how many samples spike, shape (steps, neurons)."""
        if n_samples < 2:
            return
        share = events / n_samples
        if self._n_steps:
            self._shares += share.sum(axis=0)
        else:
            self._shares = share.sum(axis=0)
        self._n_steps += len(share)
        self._sequence_within += float((share * (1 - share)).sum()) * n_samples / (n_samples - 1)
        if len(share) > 1 or self._n_steps >= _SEQUENCE:
            self.end_sequence()

    def value(self) -> float:
        """Return the synchrony so far, NaN where it cannot be told."""
        within, between = self._sums()
        return min(max(1 - within / between, 0.0), 1.0) if between > 0 else math.nan

    def end_sequence(self) -> None:
        """Say that the next step belongs to another sequence."""
        if self._n_steps:
            self.within, self.between = self._sums()
            self._n_steps, self._sequence_within = 0, 0.0

    def _sums(self) -> tuple[float, float]:
        """Return both sums with the sequence that has not ended, which counts from its second step on."""
        if self._n_steps < 2:
            return self.within, self.between
        rate = self._shares / self._n_steps
        between = float((rate * (1 - rate)).sum()) * self._n_steps
        return self.within + self._sequence_within, self.between + between
