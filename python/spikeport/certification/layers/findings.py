"""What `certify` finds, as data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from spikeport.certificate import Certificate
from spikeport.certification.layers.settled import Settled


@dataclass(frozen=True)
class LayerLoss:
    """What one layer loses. Losses are root mean squares, as shares of that of the trained activations.

    Attributes
    ----------
    name, neurons : of the layer
    levels : N, the most spikes that a neuron can send, or, of a lossless network, the largest sum of them
    stands_for : lowest and highest value, among the channels, that N spikes stand for: θ of the layer
    largest : the largest trained activation
    rate : spikes a neuron and step; of a lossless network their sum for a neuron, negative ones taken away
    inherited : what the layers before it did to what it receives
    clipping, quantisation, unevenness : what it loses by itself (`spikeport.certification.layers.losses`)
    clipped : share of the active neurons whose trained activation lies above what N spikes stand for
    arrives : by kind of loss, and as "all" with the shift, what this loss alone, put into the trained network, changes
        of the answer: RMS over the standard deviation of the logits
    threshold : θ over what the weights and the scale ask for; 1 for what conversion made
    weights : how far the weights are from the trained ones, as a share; None where the layer has none
    shift : what biases and starts that calibration moved add, to make good for the other losses
    """

    name: str
    neurons: int
    levels: int
    stands_for: tuple[float, float]
    largest: float
    rate: float
    inherited: float
    clipping: float
    quantisation: float
    unevenness: float
    clipped: float
    arrives: dict[str, float]
    threshold: float = 1.0
    weights: float | None = None
    shift: float = 0.0

    @property
    def worst_kind(self) -> str:
        """The kind of loss that does most to the answer."""
        return max((kind for kind in self.arrives if kind != "all"), key=self.arrives.__getitem__)


@dataclass(frozen=True)
class ChangedSample:
    """A sample with another answer: its index, both answers, and how far the trained network was from a tie.

    ``margin`` is the largest logit less the second, ``error`` the RMS difference of the logits, both over the standard
    deviation of the logits.
    """

    index: int
    trained: int
    spiking: int
    margin: float
    error: float


@dataclass(frozen=True)
class CertificationFindings:
    """What conversion lost, layer by layer, on data that it never saw.

    Attributes
    ----------
    certificate : agreement with its interval, largest difference, samples
    timesteps, encoding : of the run
    logit_error : RMS of the difference of the logits over their standard deviation
    layers : those with neurons, the input side first; the output is read by its drive and loses nothing by itself
    drawing : what drawing the input as Poisson spikes does to the answer by itself; None for a constant input
    changed : the samples with another answer
    advice : what would help, most promising first
    settled : of a lossless network, what it is to its quantised network, and when it settled; else None
    """

    certificate: Certificate
    timesteps: int
    encoding: str
    logit_error: float
    layers: tuple[LayerLoss, ...]
    drawing: float | None = None
    changed: tuple[ChangedSample, ...] = ()
    advice: tuple[str, ...] = field(default=())
    settled: Settled | None = None

    @property
    def agreement(self) -> float | None:
        """Share of samples with the trained network's answer; None where the outputs are values, not classes."""
        return self.certificate.agreement

    @property
    def worst(self) -> LayerLoss | None:
        """The layer whose own losses do most to the answer, or None where none loses anything."""
        worst = max(self.layers, key=lambda layer: layer.arrives["all"], default=None)
        return worst if worst is not None and worst.arrives["all"] > 0 else None

    @property
    def verdict(self) -> str:
        """The finding in a sentence."""
        worst = self.worst
        if self.drawing and self.drawing > (0.0 if worst is None else worst.arrives["all"]):
            return (
                f"Most is lost in drawing the input as spikes: by itself it changes the logits by {self.drawing:.2g} "
                f"of their standard deviation, where everything together changes them by {self.logit_error:.2g}."
            )
        if worst is None:
            return "No layer loses anything: the spiking network computes what the trained one does."
        arrives = worst.arrives[worst.worst_kind]
        return (
            f"Most is lost in {worst.name}, by {worst.worst_kind}: by itself it changes the logits by {arrives:.2g} of "
            f"their standard deviation, where all layers together change them by {self.logit_error:.2g}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready data."""
        interval = self.certificate.agreement_interval
        worst = self.worst
        return {
            "certificate": self.certificate.to_dict(),
            "agreement_interval": None if interval is None else list(interval),
            "timesteps": self.timesteps,
            "encoding": self.encoding,
            "logit_error": self.logit_error,
            "drawing": self.drawing,
            "worst": None if worst is None else {"layer": worst.name, "kind": worst.worst_kind},
            "layers": [asdict(layer) for layer in self.layers],
            "changed": [asdict(sample) for sample in self.changed],
            "advice": list(self.advice),
            "settled": None if self.settled is None else _as_data(self.settled),
        }

    def to_json(self) -> str:
        """Return the report as a JSON document."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)


def _as_data(settled: Settled) -> dict[str, Any]:
    return {**vars(settled), "certificate": settled.certificate.to_dict(), "steps": list(settled.steps)}
