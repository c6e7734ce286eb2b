"""The course of a layer over training, in a bounded number of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.profiling.pathology import Thresholds

Array = npt.NDArray[Any]

_MOST = 96
"""Frames kept for each layer; when there are more, neighbours merge."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A stretch of training: shares and means over it. What was not recorded in it is NaN.

    Attributes
    ----------
    start, end : first and last recorded step
    observations : steps times samples
    rate, highest : mean rate of the layer, and that of its most active neuron
    dead, saturated : share of its neurons
    gradient : largest gradient norm
    non_finite : values that are not finite
    deviation : largest standard deviation of the membranes of a recording
    inactive : share of membranes at which the surrogate's derivative is about 0
    synchrony : share of the spikes' variance that all samples of a batch have in common
    """

    start: int
    end: int
    observations: int
    rate: float
    highest: float
    dead: float
    saturated: float
    gradient: float = math.nan
    non_finite: int = 0
    deviation: float = math.nan
    inactive: float = math.nan
    synchrony: float = math.nan

    def merged(self, later: Frame) -> Frame:
        """Return one frame for this and the next one."""
        weight = self.observations / max(self.observations + later.observations, 1)

        def mean(a: float, b: float) -> float:
            return b if math.isnan(a) else a if math.isnan(b) else weight * a + (1 - weight) * b

        return Frame(
            start=self.start,
            end=later.end,
            observations=self.observations + later.observations,
            rate=mean(self.rate, later.rate),
            highest=max(self.highest, later.highest),
            dead=mean(self.dead, later.dead),
            saturated=mean(self.saturated, later.saturated),
            gradient=float(np.fmax(self.gradient, later.gradient)),
            non_finite=self.non_finite + later.non_finite,
            deviation=float(np.fmax(self.deviation, later.deviation)),
            inactive=mean(self.inactive, later.inactive),
            synchrony=mean(self.synchrony, later.synchrony),
        )


class Totals(NamedTuple):
    """Sums over the whole recording; a frame takes what they have grown by.

    Membranes at which the surrogate is inactive, of how many; both sums of the synchrony, over the sequences that have
    ended.
    """

    inactive: int = 0
    judged: int = 0
    within: float = 0.0
    between: float = 0.0


class Frames:
    """Frames of a layer, of equally many recordings each; that number doubles whenever there are too many frames.

    A frame is closed when it has enough observations to say which neurons are dead.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._closed: list[Frame] = []
        self._records_each = self._max_spikes = 1
        self._begin(Totals())

    def _begin(self, totals: Totals) -> None:
        self._counts: Array = np.zeros(0)
        self._observations = self._n_records = self._non_finite = 0
        self._first = self._last = -1
        self._gradient = self._deviation = math.nan
        self._totals = totals

    def add_spikes(self, counts: Array, observations: int, max_spikes: int = 1) -> None:
        """Add spikes per neuron, of neurons that send at most ``max_spikes`` in a step."""
        self._max_spikes = max_spikes
        if self._observations:
            self._counts += counts
        else:
            self._counts = counts.copy()
        self._observations += observations

    def add_deviation(self, deviation: float) -> None:
        """Add the standard deviation of the membranes of a recording; NaN is none."""
        self._deviation = float(np.fmax(self._deviation, deviation))

    def add_gradient(self, norm: float) -> None:
        """Add the norm of a gradient."""
        self._gradient = float(np.fmax(self._gradient, norm))

    def add_non_finite(self, number: int) -> None:
        """Add a number of values that are not finite."""
        self._non_finite += number

    def end_record(self, step: int, totals: Totals) -> None:
        """Close the frame if it has enough recordings and observations."""
        if self._n_records == 0:
            self._first = step
        self._last = step
        self._n_records += 1
        if self._n_records < self._records_each or not self._has_enough:
            return
        self._closed += self._open(totals)
        self._begin(totals)
        if len(self._closed) > _MOST:
            pairs = zip(self._closed[::2], self._closed[1::2], strict=False)
            rest = self._closed[-1:] if len(self._closed) % 2 else []
            self._closed = [first.merged(second) for first, second in pairs] + rest
            self._records_each *= 2

    def so_far(self, totals: Totals) -> list[Frame]:
        """Return all frames; the one in the making where there is enough of it to judge, or nothing else to show."""
        return self._closed + (self._open(totals) if self._has_enough or not self._closed else [])

    @property
    def _has_enough(self) -> bool:
        return self._observations * self._thresholds.dead_rate >= 5

    def _open(self, totals: Totals) -> list[Frame]:
        if self._n_records == 0:
            return []
        rates, limits = self._counts / self._observations, self._thresholds
        inactive, judged, within, between = (now - then for now, then in zip(totals, self._totals, strict=True))
        return [
            Frame(
                start=self._first,
                end=self._last,
                observations=self._observations,
                rate=float(rates.mean()),
                highest=float(rates.max()),
                dead=float((rates < limits.dead_rate).mean()),
                saturated=float((rates > limits.saturated_rate * self._max_spikes).mean()),
                gradient=self._gradient,
                non_finite=self._non_finite,
                deviation=self._deviation,
                inactive=inactive / judged if judged else math.nan,
                synchrony=1 - within / between if between > 0 else math.nan,
            )
        ]
