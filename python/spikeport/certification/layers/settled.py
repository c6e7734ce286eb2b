"""What a lossless network is to its quantised network: whether its settled counts are that network's, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.lossless.certificate import exact_for
from spikeport.conversion.lossless.grid import why_inexact

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Settled:
    """How a lossless network settled.

    Attributes
    ----------
    certificate : of settled samples beside the quantised network: ``exact`` where that is proven, else ``measured``
    levels : N, the most levels of an activation
    share : of the samples that settled
    mean_steps, most_steps : of those samples; None where there are none
    steps : how many samples settled after 0, 1, 2, … steps
    """

    certificate: Certificate
    levels: int
    share: float
    mean_steps: float | None
    most_steps: int | None
    steps: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """The finding in a sentence."""
        found = f"{self.share:.2%} of the samples settled"
        if self.mean_steps is not None:
            found += f", after {self.mean_steps:.1f} steps on average and {self.most_steps} at most"
        if self.certificate.level == "exact":
            return f"{found}; their answers are exactly those of the quantised network with {self.levels} levels."
        return f"{found}; {self.certificate.reason}."


def settled_of(snn: ConvertedSNN, settled: Array, other: Array) -> Settled:
    """Return how samples settled: after how many steps, -1 where they did not, and which have another count."""
    layers = [layer.neuron for layer in snn.graph if layer.neuron.is_spiking]
    levels = max((neuron.tracer_max for neuron in layers), default=1)
    steps, differing = settled[settled >= 0], int((other & (settled >= 0)).sum())
    why = why_inexact(snn.graph)
    if why is None and not differing:
        certificate = Certificate("exact", exact_for(levels, whole=snn.units is not None))
    else:
        certificate = Certificate(
            "measured",
            f"{differing} of {len(steps)} settled samples have a count or an output that is not, to the bit, the "
            f"quantised network's, as {why or 'the backend rounds otherwise than the contract says'}",
            samples=len(settled),
        )
    mean, most = (float(steps.mean()), int(steps.max())) if len(steps) else (None, None)
    return Settled(certificate, levels, len(steps) / len(settled), mean, most, tuple(np.bincount(steps).tolist()))
