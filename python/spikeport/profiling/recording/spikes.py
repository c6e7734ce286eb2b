"""The spikes of one layer as they are recorded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.profiling.pathology import ProfilingError
from spikeport.profiling.recording.arrays import as_steps, pick
from spikeport.profiling.recording.reductions import count_spikes
from spikeport.profiling.recording.spike_trains import Intervals, Raster
from spikeport.profiling.recording.streaming import History
from spikeport.profiling.recording.synchrony import Synchrony

Array = npt.NDArray[Any]

_SHOWN_NEURONS = 128
"""Neurons, evenly spaced, whose intervals are counted and which stand in the raster."""

_SHOWN_SAMPLES = 4
"""Samples of a batch whose intervals are counted; the first of them stands in the raster."""


class SpikeRecorder:
    """Counts per neuron, rates over training, intervals between spikes, synchrony, windows for a raster.

    Attributes
    ----------
    shape : of the neurons before they were flattened
    counts : spikes per neuron
    n_observations : steps times samples
    n_events : neurons, steps and samples with a spike, or several at once
    last_rate : mean rate of the last recording
    """

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name = name
        self.shape: tuple[int, ...] = ()
        self.counts: Array = np.zeros(0)
        self.n_observations, self.n_events, self.last_rate = 0, 0.0, math.nan
        self.curve, self.synchrony = History(), Synchrony()
        self.intervals, self.raster = Intervals(), Raster(seed=seed)
        self._shown: Array = np.zeros(0, np.int64)

    def as_steps(self, spikes: Any, layout: str | None, bits: int | None) -> Any:
        """Return the spikes as (steps, samples, neurons); ProfilingError (``shape``) where the neurons are others."""
        steps, shape = as_steps(self.name, spikes, layout, bits)
        if self.shape and shape != self.shape:
            raise ProfilingError(
                "shape",
                f"{self.name}: neurons of shape {shape} after {self.shape}: record another layer under another name, "
                "and give layout= where the axes are not (batch, neurons)",
            )
        if not self.shape:
            n_neurons = steps.shape[-1]
            self.shape, self.counts = shape, np.zeros(n_neurons)
            self._shown = np.unique(np.linspace(0, n_neurons - 1, min(n_neurons, _SHOWN_NEURONS)).astype(np.int64))
        return steps

    def record(self, step: int, steps: Any) -> tuple[Array, int, int]:
        """Add steps, and return spikes per neuron, observations, and how many values are not finite."""
        counts, events, non_finite = count_spikes(steps)
        n_steps, n_samples, _ = steps.shape
        total, observations = counts.sum(axis=0), n_steps * n_samples
        self.counts += total
        self.n_observations += observations
        self.n_events += float(events.sum())
        self.last_rate = float(total.sum()) / (observations * len(total))
        self.curve.add(step, self.last_rate)
        self.synchrony.add(events, n_samples)
        rows = pick(steps, _SHOWN_SAMPLES, self._shown)
        if non_finite:
            rows = np.where(np.isfinite(rows), rows, 0)
        if n_steps > 1:
            self.intervals.end_sequence()
            self.raster.end_sequence()
        self.intervals.add(rows.reshape(n_steps, -1))
        self.raster.add(step, rows[:, 0])
        return total, observations, non_finite

    def end_sequence(self) -> None:
        """Say that the next step belongs to another sequence: membranes were reset."""
        self.synchrony.end_sequence()
        self.intervals.end_sequence()
        self.raster.end_sequence()

    def rates(self) -> Array:
        """Return spikes per neuron, step and sample; NaN where nothing was recorded."""
        return self.counts / self.n_observations if self.n_observations else np.full(len(self.counts), math.nan)

    def sparsity(self) -> float:
        """Return the share of neurons, steps and samples without a spike; NaN where nothing was recorded."""
        seen = self.n_observations * len(self.counts)
        return 1 - self.n_events / seen if seen else math.nan
