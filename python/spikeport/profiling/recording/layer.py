"""One layer as it is recorded: streaming, in memory that depends on its width only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.profiling.pathology import ProfilingError, Thresholds
from spikeport.profiling.recording.arrays import as_array, as_steps, count_spikes, norm, pick, subsample, summarise
from spikeport.profiling.recording.statistics import Curve, Explosion, Frame, LayerStats
from spikeport.profiling.recording.streaming import History, Intervals, Moments, Raster, Sample

Array = npt.NDArray[Any]

_SEQUENCE = 64
"""Steps recorded one by one are taken for one sequence up to this many."""

_FRAMES = 96
"""Frames a layer keeps; when there are more, neighbours merge."""


class LayerRecorder:
    """The statistics of one layer so far; see `spikeport.profiling.SpikeProfiler.record_step`."""

    def __init__(self, name: str, thresholds: Thresholds, seed: int = 0) -> None:
        self.name = name
        self.thresholds = thresholds
        self.shape: tuple[int, ...] = ()
        self.counts: Array = np.zeros(0)
        self.n_records = self.n_observations = 0
        self.last_rate = self.last_gradient = math.nan
        self.voltages = Moments()
        self.membrane_threshold: float | None = None
        self.non_finite: dict[str, int] = {}
        self.first_non_finite: int | None = None
        self.explosion: Explosion | None = None
        self._membranes = Sample()
        self._gradients = Moments()
        self._surrogate = [0, 0]
        self._intervals = Intervals()
        self._raster = Raster(seed=seed)
        self._curves = {name: History() for name in ("rate", "voltage", "deviation", "gradient")}
        self._frames: list[Frame] = []
        self._frame_records = 1
        self._frame_gradient = self._frame_deviation = math.nan
        self._within = self._between = 0.0
        self._start_frame()
        self._sequence: Array = np.zeros(0)
        self._sequence_steps, self._sequence_within = 0, 0.0

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
    ) -> None:
        """Add one recording, made at training step ``step``; what cannot be read is refused before any of it counts."""
        steps = None if spikes is None else self._as_steps(spikes, layout, bits)
        voltages, gradients, surrogate = (
            None if values is None else as_array(values) for values in (voltages, gradients, surrogate)
        )
        if steps is not None:
            self._record_spikes(step, steps)
        if voltages is not None:
            self._record_voltages(step, voltages, threshold)
        if gradients is not None:
            self.record_norm(step, *norm(gradients))
        if surrogate is not None:
            self._record_surrogate(step, surrogate, surrogate_peak)
        if steps is not None:
            self._end_record(step)

    def record_norm(self, step: int, value: float, non_finite: int = 0) -> None:
        """Add the Euclidean norm of a gradient whose finite part has norm ``value``."""
        self._count_non_finite(step, "gradients", non_finite)
        if not math.isfinite(value):
            self._count_non_finite(step, "gradients", 1)
            return
        before = self._gradients
        limit = self.thresholds.explosion_ratio
        if before.count >= self.thresholds.explosion_history and value > limit * before.mean > 0:
            ratio = value / before.mean
            seen = self.explosion or Explosion(step, value, ratio, 0)
            worst = (value, ratio) if ratio >= seen.ratio else (seen.norm, seen.ratio)
            self.explosion = Explosion(seen.first_step, *worst, seen.times + 1)
        self._gradients.add(summarise(np.asarray([value])))
        self._curves["gradient"].add(step, value)
        self.last_gradient = value
        self._frame_gradient = float(np.fmax(self._frame_gradient, value))

    @property
    def is_used(self) -> bool:
        """Whether anything was recorded."""
        return bool(self.n_records or self.n_gradients or self.voltages.count or self.non_finite)

    @property
    def n_gradients(self) -> int:
        """Number of gradients recorded."""
        return self._gradients.count

    def end_sequence(self) -> None:
        """Say that the next step belongs to another sequence: membranes were reset."""
        self._close_sequence()
        self._intervals.end_sequence()
        self._raster.end_sequence()

    def stats(self) -> LayerStats:
        """Return what is known so far; a layer without spikes has rates of NaN."""
        rates = self.counts / self.n_observations if self.n_observations else np.full(len(self.counts), math.nan)
        limits = self.thresholds
        within, between = self._synchrony_sums()
        intervals = self._intervals.moments
        return LayerStats(
            name=self.name,
            n_neurons=len(self.counts),
            shape=self.shape,
            n_records=self.n_records,
            n_observations=self.n_observations,
            firing_rates=rates,
            dead_neuron_count=int(np.count_nonzero(rates < limits.dead_rate)),
            saturated_neuron_count=int(np.count_nonzero(rates > limits.saturated_rate)),
            sparsity=float(1 - np.minimum(rates, 1).mean()) if len(rates) else math.nan,
            voltage_mean=self.voltages.mean,
            voltage_std=self.voltages.std,
            voltage_min=self.voltages.low if self.voltages.count else math.nan,
            voltage_max=self.voltages.high if self.voltages.count else math.nan,
            membrane_threshold=self.membrane_threshold,
            membranes=self._membranes.values,
            gradient_norm_mean=self._gradients.mean,
            gradient_norm_last=self.last_gradient,
            n_gradients=self.n_gradients,
            explosion=self.explosion,
            surrogate_inactive_fraction=self._surrogate[0] / self._surrogate[1] if self._surrogate[1] else math.nan,
            synchrony=min(max(1 - within / between, 0.0), 1.0) if between > 0 else math.nan,
            interval_mean=intervals.mean,
            interval_cv=intervals.std / intervals.mean if intervals.count else math.nan,
            interval_histogram=self._intervals.histogram.copy(),
            non_finite=dict(self.non_finite),
            first_non_finite=self.first_non_finite,
            frames=self._frames + self._open_frame(),
            raster=self._raster.windows(),
            rate_quarters=self._curves["rate"].quarters(),
            gradient_quarters=self._curves["gradient"].quarters(),
            **{f"{name}_curve": Curve(h.steps, h.means, h.peaks) for name, h in self._curves.items()},
        )

    def _as_steps(self, spikes: Any, layout: str | None, bits: int | None) -> Any:
        steps, shape = as_steps(self.name, spikes, layout, bits)
        if self.shape and shape != self.shape:
            raise ProfilingError(
                "shape",
                f"{self.name}: neurons of shape {shape} after {self.shape}: record another layer under another name, "
                "and give layout= where the axes are not (batch, neurons)",
            )
        if not self.shape:
            self.shape = shape
            self._allot(steps.shape[-1])
        return steps

    def _record_spikes(self, step: int, steps: Any) -> None:
        counts, non_finite = count_spikes(steps)
        self._count_non_finite(step, "spikes", non_finite)
        n_steps, n_samples, _ = steps.shape
        total = counts.sum(axis=0)
        observations = n_steps * n_samples
        self.counts += total
        self._frame_counts += total
        self.n_observations += observations
        self._frame_observations += observations
        self.last_rate = float(total.sum()) / (observations * len(total))
        self._curves["rate"].add(step, self.last_rate)
        self._record_synchrony(counts, n_samples)
        rows = pick(steps, 4, self._picked)
        if non_finite:
            rows = np.where(np.isfinite(rows), rows, 0)
        if n_steps > 1:
            self._intervals.end_sequence()
            self._raster.end_sequence()
        self._intervals.add(rows.reshape(n_steps, -1))
        self._raster.add(step, rows[:, 0, :128])

    def _allot(self, n_neurons: int) -> None:
        self.counts = np.zeros(n_neurons)
        self._frame_counts = np.zeros(n_neurons)
        self._sequence = np.zeros(n_neurons)
        self._picked = np.unique(np.linspace(0, n_neurons - 1, min(n_neurons, 128)).astype(np.int64))

    def _record_voltages(self, step: int, voltages: Any, threshold: float | None) -> None:
        summary = summarise(voltages)
        self._count_non_finite(step, "voltages", summary.non_finite)
        if threshold is not None:
            self.membrane_threshold = float(threshold)
        if summary.total == 0:
            return
        self.voltages.add(summary)
        self._curves["voltage"].add(step, summary.mean)
        deviation = math.sqrt(summary.squares / summary.total)
        self._curves["deviation"].add(step, deviation)
        self._frame_deviation = float(np.fmax(self._frame_deviation, deviation))
        if self._membranes.wants():
            self._membranes.add(subsample(voltages, 256))

    def _record_surrogate(self, step: int, derivatives: Any, peak: float | None) -> None:
        some = np.abs(subsample(derivatives, 8192))
        finite = some[np.isfinite(some)]
        self._count_non_finite(step, "surrogate", len(some) - len(finite))
        highest = float(finite.max(initial=0.0)) if peak is None else peak
        inactive = finite <= self.thresholds.inactive_derivative * highest
        self._surrogate[0] += int(np.count_nonzero(inactive))
        self._surrogate[1] += len(finite)

    def _record_synchrony(self, counts: Array, n_samples: int) -> None:
        """Add to the two sums of the synchrony: an intra-class correlation of the samples of a batch.

        With p the share of samples that spike at a step and r a neuron's rate over the sequence::

            synchrony = 1 - Σ p·(1 - p)·B/(B - 1) / Σ r·(1 - r)

        1 where all samples spike together, 0 where they do not depend on each other.
        """
        if n_samples < 2:
            return
        share = np.minimum(counts / n_samples, 1.0)
        self._sequence += share.sum(axis=0)
        self._sequence_steps += len(share)
        self._sequence_within += float((share * (1 - share)).sum()) * n_samples / (n_samples - 1)
        if len(share) > 1 or self._sequence_steps >= _SEQUENCE:
            self._close_sequence()

    def _close_sequence(self) -> None:
        if self._sequence_steps:
            self._within, self._between = self._synchrony_sums()
            self._sequence[:] = 0
            self._sequence_steps, self._sequence_within = 0, 0.0

    def _synchrony_sums(self) -> tuple[float, float]:
        if self._sequence_steps < 2:
            return self._within, self._between
        rate = self._sequence / self._sequence_steps
        between = float((rate * (1 - rate)).sum()) * self._sequence_steps
        return self._within + self._sequence_within, self._between + between

    def _count_non_finite(self, step: int, kind: str, number: int) -> None:
        if number:
            self.non_finite[kind] = self.non_finite.get(kind, 0) + number
            self._frame_non_finite += number
            if self.first_non_finite is None:
                self.first_non_finite = step

    def _start_frame(self) -> None:
        self._frame_counts = np.zeros(len(self.counts))
        self._frame_observations = self._frame_length = self._frame_non_finite = 0
        self._frame_first = self._frame_last = -1
        self._frame_gradient = self._frame_deviation = math.nan
        self._frame_sums = (*self._surrogate, self._within, self._between)

    def _end_record(self, step: int) -> None:
        self.n_records += 1
        if self._frame_length == 0:
            self._frame_first = step
        self._frame_last = step
        self._frame_length += 1
        enough = self._frame_observations * self.thresholds.dead_rate >= 5
        if self._frame_length >= self._frame_records and enough:
            self._frames += self._open_frame()
            self._start_frame()
            if len(self._frames) > _FRAMES:
                pairs = zip(self._frames[::2], self._frames[1::2], strict=False)
                rest = self._frames[-1:] if len(self._frames) % 2 else []
                self._frames = [first.merged(second) for first, second in pairs] + rest
                self._frame_records *= 2

    def _open_frame(self) -> list[Frame]:
        """Return the frame in the making, where there is enough of it to judge or nothing else to show."""
        enough = self._frame_observations * self.thresholds.dead_rate >= 5
        if self._frame_length == 0 or (self._frames and not enough):
            return []
        rates = self._frame_counts / self._frame_observations
        sums = (*self._surrogate, self._within, self._between)
        inactive, judged, within, between = (now - then for now, then in zip(sums, self._frame_sums, strict=True))
        return [
            Frame(
                start=self._frame_first,
                end=self._frame_last,
                observations=self._frame_observations,
                rate=float(rates.mean()),
                highest=float(rates.max()),
                dead=float((rates < self.thresholds.dead_rate).mean()),
                saturated=float((rates > self.thresholds.saturated_rate).mean()),
                gradient=self._frame_gradient,
                non_finite=self._frame_non_finite,
                deviation=self._frame_deviation,
                inactive=inactive / judged if judged else math.nan,
                synchrony=1 - within / between if between > 0 else math.nan,
            )
        ]
