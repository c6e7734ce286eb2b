"""What is known of one layer: `LayerStats`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.profiling.recording.causes import Entry, Remedy, Update
from spikeport.profiling.recording.frames import Frame

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Explosion:
    """A gradient norm far above those before it: where it was first seen, and the worst one."""

    first_step: int
    norm: float
    ratio: float
    times: int


@dataclass(frozen=True)
class Curve:
    """A curve over training: first step, mean and largest value of each point."""

    steps: list[int] = field(default_factory=list)
    means: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class LayerStats:
    """What was recorded of a layer. Figures that were not recorded are NaN (or None).

    Attributes
    ----------
    name : the layer
    n_neurons, shape : number of neurons, and their shape before they were flattened
    n_records : recordings
    n_observations : steps times samples, over all recordings
    firing_rates : spikes per neuron, step and sample, shape (n_neurons,)
    dead_neuron_count, dead_neuron_fraction : neurons with a rate below ``dead_rate``
    saturated_neuron_count, saturated_neuron_fraction : neurons that send more than the share
        ``saturated_rate`` of the spikes that they could
    sparsity : share of steps, samples and neurons without a spike (NeuroBench: activation sparsity)
    voltage_mean, voltage_std, voltage_min, voltage_max : of all membranes recorded
    voltage_std_first : of the first ones recorded
    membrane_threshold : the neurons' threshold, where it is known
    membranes : a sample of the membranes
    gradient_norm_mean, gradient_norm_last : Euclidean norm of the layer's gradient, over the recordings
    n_gradients : gradients recorded
    explosion : a gradient norm far above those before it, or None
    surrogate_inactive_fraction : membranes whose surrogate derivative is about 0
    synchrony : share of the spikes' variance that all samples of a batch have in common, in [0, 1]
    interval_mean, interval_cv : inter-spike intervals in steps: mean, and deviation over mean
    interval_histogram : number of intervals of 1, 2, … steps, the last also all longer ones
    non_finite : number of values that are not finite, by kind of recording
    first_non_finite : the step of the first one
    rate_curve, voltage_curve, deviation_curve, gradient_curve : over training
    rate_quarters, gradient_quarters : means over the quarters of the recording
    frames : the course of the layer
    raster : windows of consecutive steps: training step, spikes of shape (steps, neurons)
    entry : what enters the network, for the first layer of a watched model
    remedy : a threshold with which the layer, dead at the first recording, was well when it was tried
    update : the largest update of the weights before the layer
    passes_gradient : False where what comes into the layer can learn, and its spikes pass no gradient at all
    """

    name: str
    n_neurons: int
    shape: tuple[int, ...]
    n_records: int
    n_observations: int
    firing_rates: Array
    dead_neuron_count: int
    saturated_neuron_count: int
    sparsity: float
    voltage_mean: float = math.nan
    voltage_std: float = math.nan
    voltage_std_first: float = math.nan
    voltage_min: float = math.nan
    voltage_max: float = math.nan
    membrane_threshold: float | None = None
    membranes: Array = field(default_factory=lambda: np.zeros(0))
    gradient_norm_mean: float = math.nan
    gradient_norm_last: float = math.nan
    n_gradients: int = 0
    explosion: Explosion | None = None
    surrogate_inactive_fraction: float = math.nan
    synchrony: float = math.nan
    interval_mean: float = math.nan
    interval_cv: float = math.nan
    interval_histogram: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    non_finite: dict[str, int] = field(default_factory=dict)
    first_non_finite: int | None = None
    rate_curve: Curve = field(default_factory=Curve)
    voltage_curve: Curve = field(default_factory=Curve)
    deviation_curve: Curve = field(default_factory=Curve)
    gradient_curve: Curve = field(default_factory=Curve)
    rate_quarters: list[float] = field(default_factory=list)
    gradient_quarters: list[float] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    raster: list[tuple[int, Array]] = field(default_factory=list)
    entry: Entry | None = None
    remedy: Remedy | None = None
    update: Update | None = None
    passes_gradient: bool = True

    @property
    def dead_neuron_fraction(self) -> float:
        """Share of dead neurons, NaN where no spikes were recorded."""
        return self.dead_neuron_count / self.n_neurons if self.n_neurons else math.nan

    @property
    def saturated_neuron_fraction(self) -> float:
        """Share of saturated neurons, NaN where no spikes were recorded."""
        return self.saturated_neuron_count / self.n_neurons if self.n_neurons else math.nan

    @property
    def firing_rate(self) -> float:
        """Mean rate of the layer, NaN where no spikes were recorded."""
        return float(self.firing_rates.mean()) if self.n_neurons else math.nan

    @property
    def has_voltages(self) -> bool:
        """Whether membranes were recorded."""
        return not math.isnan(self.voltage_std)

    @property
    def has_gradients(self) -> bool:
        """Whether gradients were recorded."""
        return not math.isnan(self.gradient_norm_mean)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data: numbers that are not finite become None, plots' data stay out."""
        plain = {
            name: _plain(getattr(self, name))
            for name in (
                "n_neurons",
                "n_records",
                "n_observations",
                "firing_rate",
                "dead_neuron_count",
                "dead_neuron_fraction",
                "saturated_neuron_count",
                "saturated_neuron_fraction",
                "sparsity",
                "voltage_mean",
                "voltage_std",
                "voltage_min",
                "voltage_max",
                "membrane_threshold",
                "gradient_norm_mean",
                "gradient_norm_last",
                "surrogate_inactive_fraction",
                "synchrony",
                "interval_mean",
                "interval_cv",
                "first_non_finite",
            )
        }
        return plain | {
            "shape": list(self.shape),
            "firing_rates": [float(rate) for rate in self.firing_rates],
            "non_finite": dict(self.non_finite),
            "entry": _parts(self.entry),
            "remedy": _parts(self.remedy),
            "update": _parts(self.update),
            "passes_gradient": self.passes_gradient,
        }


def _parts(cause: Entry | Remedy | Update | None) -> dict[str, Any] | None:
    """Return what is known of a cause by name, or None where nothing is."""
    return None if cause is None else {name: _plain(value) for name, value in asdict(cause).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
