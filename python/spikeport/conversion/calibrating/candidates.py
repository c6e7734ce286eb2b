"""One way to convert, fitted on some samples and judged on others, on the network as it spikes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch

from spikeport.conversion.balance import balanced
from spikeport.conversion.calibrating.biases import calibrate_biases
from spikeport.conversion.calibrating.fit import Fit, said
from spikeport.conversion.calibrating.layer_by_layer import fit_layers, thetas_as_it_spikes
from spikeport.conversion.calibrating.readout import Readout
from spikeport.conversion.calibrating.sample import Told
from spikeport.conversion.calibrating.simulation import Arrived, simulated
from spikeport.conversion.measurement import spread_of
from spikeport.conversion.parts import Scale
from spikeport.graph import LayerNode, SNNGraph

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]

VALUES: Final = 1 << 27
"""Values of a node, at all steps of all samples, that are in memory at a time."""


@dataclass(frozen=True)
class Candidate:
    """A spiking network, and how far its outputs lie from the trained network's on samples it was not fitted to.

    Attributes
    ----------
    rule : which one chose θ
    fit : what was fitted
    ridge : λ of the readout, or None where it is the trained one
    error : root of the mean square difference, in standard deviations of what the trained network says
    samples : how many it was judged on
    graph, scales : the network, and what a rate of 1 stands for in each layer
    delay : steps at the start that are not read
    before : where it is fitted to all samples, the same way fitted to some, whose error this is
    """

    rule: str
    fit: Fit
    ridge: float | None
    error: float
    samples: int
    graph: SNNGraph
    scales: list[Scale]
    before: Candidate | None = None
    delay: int = 0

    @property
    def way(self) -> tuple[str, Fit]:
        """How it was made, but for its readout."""
        return self.rule, self.fit

    @property
    def described(self) -> dict[str, Any]:
        """What a certificate says of it."""
        rule = f"{self.rule}, changed as it spikes" if self.fit.thresholds else self.rule
        how = {"thresholds": rule, **self.fit.described, "readout": said(self.ridge)}
        late = {"readout_delay": self.delay} if self.delay else {}
        return {**how, **late, "error": self.error, "samples": self.samples}


@dataclass(frozen=True)
class Trial:
    """What candidates are fitted to and judged on, and for how many steps, with how many spikes at most in each.

    The first ``delay`` steps are not read.
    """

    network: ReadNetwork
    fitted: Told
    judged: Told
    timesteps: int
    max_spikes: int = 1
    delay: int = 0

    def candidates(
        self, rule: str, thetas: dict[str, Array], fit: Fit, ridges: Sequence[float | None]
    ) -> Iterator[Candidate]:
        """Yield one for each of ``ridges`` with these thresholds."""
        if fit.thresholds:
            steps = self.timesteps, self.max_spikes
            thetas = thetas_as_it_spikes(self.network, thetas, self.fitted, *steps, fit.weights, self.delay, fit.starts)
        graph, scales = balanced(self.network, thetas, self.max_spikes)
        readout = Readout.of(self.network, graph, scales) if any(ridge is not None for ridge in ridges) else None
        name = None if readout is None else readout.layer.name
        arrived = self._fitted(graph, scales, fit, name, readout is not None)
        judged = self._arrived(graph, self.judged.x, name)
        for ridge in ridges:
            if ridge is None:
                drive, network = judged.drive.flatten(1).cpu().numpy() * np.asarray(scales[-1], np.float64), graph
            elif readout is not None and arrived is not None:
                theta = readout.fitted(arrived.rates, self.fitted.drive, ridge)
                drive, network = readout.drive(theta, judged.rates), readout.applied(graph, theta)
            else:
                continue
            yield Candidate(rule, fit, ridge, self._error(drive), len(drive), network, scales, delay=self.delay)

    def error_of(self, made: Candidate) -> float:
        """Return the error of a candidate on the samples that are judged on here."""
        drive = self._arrived(made.graph, self.judged.x, None).drive.flatten(1).cpu().numpy()
        return self._error(drive * np.asarray(made.scales[-1], np.float64))

    def _fitted(
        self, graph: SNNGraph, scales: list[Scale], fit: Fit, readout: str | None, is_read: bool
    ) -> Arrived | None:
        """Fit ``graph`` in place, and return what then arrives of the samples it is fitted to, where it ``is_read``."""
        if not (fit.biases or fit.starts):
            return self._arrived(graph, self.fitted.x, readout) if is_read else None
        last, fitted = graph[len(graph) - 1], self.fitted
        means = {**fitted.means, last.name: _for_each_channel(fitted.drive, last)}
        if not fit.starts and fit.weights is None:
            return calibrate_biases(graph, scales, fitted.x, self.timesteps, means, readout, self.delay)
        how = fit.weights, readout, None, self.delay, fit.starts
        return fit_layers(self.network, graph, scales, fitted.x, self.timesteps, means, *how)

    def _arrived(self, graph: SNNGraph, x: torch.Tensor, readout: str | None) -> Arrived:
        at_once = max(1, VALUES // 4 // (self.timesteps * widest(graph)))
        parts = [simulated(graph, some, self.timesteps, readout, self.delay) for some in torch.split(x, at_once)]
        return Arrived(*(torch.cat(signals) for signals in zip(*parts, strict=True)))

    def _error(self, drive: Array) -> float:
        node, expected = self.network.output, self.judged.outputs
        values = torch.tensor(drive, dtype=self.network.dtype, device=self.network.device)
        got = (values if node.activation is None else node.activation.apply(values)).double().cpu().numpy()
        return float(np.sqrt(np.square(got - expected).mean())) / spread_of(expected)


def widest(graph: SNNGraph) -> int:
    """Return how many values the largest signal of a sample has."""
    return max(graph.n_inputs, *(math.prod(layer.shape or (1,)) for layer in graph))


def _for_each_channel(drive: Array, last: LayerNode) -> Array:
    means: Array = drive.reshape(len(drive), (last.shape or (1,))[0], -1).mean((0, 2))
    return means
