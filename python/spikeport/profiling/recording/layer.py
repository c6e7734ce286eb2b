"""One layer as it is recorded: streaming, in memory that depends on its width only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spikeport.profiling.pathology import Thresholds
from spikeport.profiling.recording.arrays import as_array
from spikeport.profiling.recording.causes import Entry, Remedy, Update
from spikeport.profiling.recording.frames import Frames, Totals
from spikeport.profiling.recording.gradients import GradientRecorder
from spikeport.profiling.recording.membranes import MembraneRecorder
from spikeport.profiling.recording.reductions import norm
from spikeport.profiling.recording.spikes import SpikeRecorder
from spikeport.profiling.recording.statistics import Curve, LayerStats
from spikeport.profiling.recording.streaming import History


class LayerRecorder:
    """The statistics of one layer so far; see `spikeport.profiling.SpikeProfiler.record_step`.

    Spikes, membranes and gradients have a recorder each; the frames hear of all three.

    Attributes
    ----------
    entry, remedy, passes_gradient : set by a watch; see `LayerStats`
    """

    def __init__(self, name: str, thresholds: Thresholds, seed: int = 0) -> None:
        self.name, self.thresholds = name, thresholds
        self.n_records = 0
        self.non_finite: dict[str, int] = {}
        self.first_non_finite: int | None = None
        self.entry: Entry | None = None
        self.remedy: Remedy | None = None
        self.update: Update | None = None
        self.passes_gradient = True
        self._max_spikes = 1
        self._spikes = SpikeRecorder(name, seed)
        self._membranes = MembraneRecorder(thresholds.inactive_derivative)
        self._gradients = GradientRecorder(thresholds)
        self._frames = Frames(thresholds)

    def record(
        self,
        step: int,
        spikes: Any = None,
        voltages: Any = None,
        gradients: Any = None,
        surrogate: Any = None,
        *,
        layout: str | None = None,
        bits: int | None = None,
        threshold: float | None = None,
        surrogate_peak: float | None = None,
        max_spikes: int = 1,
    ) -> None:
        """Add one recording, made at training step ``step``; what cannot be read is refused before any of it counts."""
        steps = None if spikes is None else self._spikes.as_steps(spikes, layout, bits)
        voltages, gradients, surrogate = (
            None if values is None else as_array(values) for values in (voltages, gradients, surrogate)
        )
        if steps is not None:
            counts, observations, non_finite = self._spikes.record(step, steps)
            self._count_non_finite(step, "spikes", non_finite)
            self._max_spikes = max_spikes
            self._frames.add_spikes(counts, observations, max_spikes)
        if voltages is not None:
            deviation, non_finite = self._membranes.record(step, voltages, threshold)
            self._count_non_finite(step, "voltages", non_finite)
            self._frames.add_deviation(deviation)
        if gradients is not None:
            self.record_norm(step, *norm(gradients))
        if surrogate is not None:
            self._count_non_finite(step, "surrogate", self._membranes.record_surrogate(surrogate, surrogate_peak))
        if steps is not None:
            self.n_records += 1
            self._frames.end_record(step, self._totals())

    def record_norm(self, step: int, value: float, non_finite: int = 0) -> None:
        """Add the Euclidean norm of a gradient whose finite part has norm ``value``."""
        self._count_non_finite(step, "gradients", non_finite)
        if not math.isfinite(value):
            self._count_non_finite(step, "gradients", 1)
            return
        self._gradients.record(step, value)
        self._frames.add_gradient(value)

    def record_update(self, update: Update) -> None:
        """Keep an update of the layer's weights, where it is the largest so far."""
        if self.update is None or update.ratio > self.update.ratio:
            self.update = update

    @property
    def is_used(self) -> bool:
        """Whether anything was recorded."""
        return bool(self.n_records or self.n_gradients or self._membranes.moments.count or self.non_finite)

    @property
    def n_gradients(self) -> int:
        """Number of gradients recorded."""
        return self._gradients.norms.count

    @property
    def last_rate(self) -> float:
        """Mean rate of the last recording, NaN before the first."""
        return self._spikes.last_rate

    def end_sequence(self) -> None:
        """Say that the next step belongs to another sequence: membranes were reset."""
        self._spikes.end_sequence()

    def stats(self) -> LayerStats:
        """Return what is known so far; a layer without spikes has rates of NaN."""
        spikes, membranes, gradients = self._spikes, self._membranes, self._gradients
        rates, limits = spikes.rates(), self.thresholds
        voltages, intervals = membranes.moments, spikes.intervals.moments
        return LayerStats(
            name=self.name,
            n_neurons=len(rates),
            shape=spikes.shape,
            n_records=self.n_records,
            n_observations=spikes.n_observations,
            firing_rates=rates,
            dead_neuron_count=int(np.count_nonzero(rates < limits.dead_rate)),
            saturated_neuron_count=int(np.count_nonzero(rates > limits.saturated_rate * self._max_spikes)),
            sparsity=spikes.sparsity(),
            voltage_mean=voltages.mean,
            voltage_std=voltages.std,
            voltage_std_first=membranes.first_deviation,
            voltage_min=voltages.low if voltages.count else math.nan,
            voltage_max=voltages.high if voltages.count else math.nan,
            membrane_threshold=membranes.threshold,
            membranes=membranes.sample.values,
            gradient_norm_mean=gradients.norms.mean,
            gradient_norm_last=gradients.last,
            n_gradients=self.n_gradients,
            explosion=gradients.explosion,
            surrogate_inactive_fraction=membranes.inactive_fraction,
            synchrony=spikes.synchrony.value(),
            interval_mean=intervals.mean,
            interval_cv=intervals.std / intervals.mean if intervals.count else math.nan,
            interval_histogram=spikes.intervals.histogram.copy(),
            non_finite=dict(self.non_finite),
            first_non_finite=self.first_non_finite,
            rate_curve=_curve(spikes.curve),
            voltage_curve=_curve(membranes.mean_curve),
            deviation_curve=_curve(membranes.deviation_curve),
            gradient_curve=_curve(gradients.curve),
            rate_quarters=spikes.curve.quarters(),
            gradient_quarters=gradients.curve.quarters(),
            frames=self._frames.so_far(self._totals()),
            raster=spikes.raster.windows(),
            entry=self.entry,
            remedy=self.remedy,
            update=self.update,
            passes_gradient=self.passes_gradient,
        )

    def _totals(self) -> Totals:
        membranes, synchrony = self._membranes, self._spikes.synchrony
        return Totals(membranes.n_inactive, membranes.n_judged, synchrony.within, synchrony.between)

    def _count_non_finite(self, step: int, kind: str, number: int) -> None:
        if number:
            self.non_finite[kind] = self.non_finite.get(kind, 0) + number
            self._frames.add_non_finite(number)
            if self.first_non_finite is None:
                self.first_non_finite = step


def _curve(history: History) -> Curve:
    return Curve(history.steps, history.means, history.peaks)
