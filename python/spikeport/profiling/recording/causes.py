"""What a watch learns of causes: what enters the first layer, how far an update moves weights, and what was tried.

A number is in here only where the recorded batch was run with it and the layer was well; see
`spikeport.profiling.watching.trial`.
"""

from __future__ import annotations

from dataclasses import dataclass

from spikeport.profiling.pathology import Thresholds

Rates = dict[str, float]
"""Mean spikes per neuron, step and sample, by layer."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What enters the network, at the first recording.

    Attributes
    ----------
    connection : the weights that it meets
    largest : its largest absolute value
    drive : root mean square of the currents that it makes, without the biases
    bias : root mean square of the biases
    factor : a factor of the input with which the layer was well when it was tried, or None
    rates : of the layers, when it was tried
    """

    connection: str
    largest: float
    drive: float
    bias: float
    factor: float | None = None
    rates: Rates | None = None

    def fault(self, threshold: float | None, limits: Thresholds) -> str | None:
        """Return "small" or "large" where the input's own values and the currents they make are both so, or None.

        Small currents are lost beside the biases, or beside the neurons' ``threshold``; large ones are many thresholds.
        """
        θ = threshold or 0.0
        is_lost = self.drive < limits.input_share * self.bias or 10 * self.drive < limits.input_share * θ
        if 0 < self.largest < limits.input_small and is_lost:
            return "small"
        if self.largest > limits.input_large and θ > 0 and self.drive > limits.input_drive * θ:
            return "large"
        return None


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """A threshold with which a dead layer was well when it was tried; the layers before it had theirs.

    Attributes
    ----------
    threshold : the threshold that was tried
    before, after : mean rate of the layer in the recorded batch, and when it was tried
    """

    threshold: float
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class Update:
    """The largest update of a layer's weights that was recorded.

    Attributes
    ----------
    connection : the weights
    step : training step
    ratio : norm of the update over that of the weights before it
    growth : norm of the weights after it over that before it
    learning_rate : the optimiser's, where it is known
    divisor : what to divide the learning rate by, where the layers were well after an update so made smaller
    rates : of the layers in the first recorded batch after that update
    """

    connection: str
    step: int
    ratio: float
    growth: float
    learning_rate: float | None = None
    divisor: float | None = None
    rates: Rates | None = None
