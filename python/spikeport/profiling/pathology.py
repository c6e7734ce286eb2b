"""What can be wrong, how wrong it is, and where the line is drawn."""

from __future__ import annotations

import math
import numbers
from dataclasses import asdict, dataclass, fields
from enum import Enum
from typing import Any

from spikeport.errors import SpikeportError

CATEGORIES = (
    "non_finite",
    "no_gradient",
    "input_scale",
    "learning_rate",
    "exploding_membrane",
    "silent_network",
    "dead_neurons",
    "saturated_neurons",
    "voltage_collapse",
    "gradient_explosion",
    "gradient_vanishing",
    "gradient_growth",
    "surrogate_inactive",
    "rate_drift",
    "batch_synchronous",
)
"""The built-in categories; a detector of yours may add others."""

NETWORK = "network"
"""The layer of a pathology that belongs to no single layer."""


class ProfilingError(SpikeportError, ValueError):
    """A recording, layout or model that the profiler cannot read."""


class Severity(Enum):
    """How much a pathology matters: ``critical`` stops learning, ``warning`` costs, ``info`` is worth knowing."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, kw_only=True)
class Pathology:
    """One thing that is wrong.

    Attributes
    ----------
    category : one of `CATEGORIES`, or a detector's own
    severity : `Severity`
    layer : the layer's name, or ``network``
    message : what was measured, in a sentence
    suggestion : what to do about it
    value : the measured value
    threshold : the value it was held against
    first_step : the recorded step at which it began, where that is known
    """

    category: str
    severity: Severity
    layer: str
    message: str
    suggestion: str
    value: float
    threshold: float
    first_step: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the pathology as JSON-ready data; a value that is not finite becomes None."""
        return asdict(self) | {
            "severity": self.severity.value,
            "value": float(self.value) if math.isfinite(self.value) else None,
            "threshold": float(self.threshold),
            "first_step": None if self.first_step is None else int(self.first_step),
        }


@dataclass(frozen=True)
class Thresholds:
    """Where the lines are drawn; the first nine are the documented table.

    Attributes
    ----------
    dead_rate : a neuron with a lower rate (spikes per step and sample) is dead
    dead_warning, dead_critical : share of dead neurons in a layer above which it is reported
    saturated_rate : a neuron is saturated that sends a larger share of the spikes that it could: one at each step, or
        ``max_spikes`` where it may send several
    saturated_warning : share of saturated neurons in a layer
    silent_rate : the network is silent where no neuron reaches this rate
    voltage_std : a membrane that deviates less has collapsed
    explosion_ratio : gradient norm over the mean of the layer's norms before it
    vanishing_ratio : output-side gradient norm over a layer's
    explosion_history : norms a layer needs before one can be called an explosion
    growth_ratio : mean gradient norm of the last quarter over the second, where it grew in between too
    inactive_share : share of membranes whose surrogate derivative is below ``inactive_derivative``
    inactive_derivative : in units of the surrogate's derivative at the threshold
    drift_ratio : mean rate of the last quarter over the second (or its inverse), where it moved one way
    trend_records : records a layer needs before growth or drift is judged
    synchrony : share of the spikes' variance that all samples of a batch have in common
    membrane_ratio : membranes that deviate by more thresholds than this have exploded
    input_small, input_large : largest value of an input that may be too small, too large
    input_share : such a small input is one whose currents are below that share of the biases, or a tenth of that share
        of the threshold
    input_drive : such a large input is one whose currents are more thresholds than this
    update_ratio : norm of an update over that of the weights above which the learning rate is too high
    update_wanted : that ratio in an early update of a training that is well
    """

    dead_rate: float = 0.01
    dead_warning: float = 0.10
    dead_critical: float = 0.50
    saturated_rate: float = 0.95
    saturated_warning: float = 0.30
    silent_rate: float = 0.001
    voltage_std: float = 1e-6
    explosion_ratio: float = 100.0
    vanishing_ratio: float = 100.0
    explosion_history: int = 3
    growth_ratio: float = 5.0
    inactive_share: float = 0.90
    inactive_derivative: float = 0.01
    drift_ratio: float = 2.0
    trend_records: int = 40
    synchrony: float = 0.90
    membrane_ratio: float = 100.0
    input_small: float = 0.1
    input_large: float = 10.0
    input_share: float = 0.1
    input_drive: float = 20.0
    update_ratio: float = 0.3
    update_wanted: float = 0.025

    def __post_init__(self) -> None:
        for field in fields(self):
            value: Any = getattr(self, field.name)
            if not (isinstance(value, numbers.Real) and math.isfinite(value) and float(value) >= 0):
                raise ProfilingError("threshold", f"{field.name} is {value!r}: give a finite number of at least 0")
            object.__setattr__(self, field.name, int(value) if isinstance(value, numbers.Integral) else float(value))
