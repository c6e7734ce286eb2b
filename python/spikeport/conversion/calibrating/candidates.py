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
from spikeport.conversion.calibrating.ridge import ridge_readout
from spikeport.conversion.calibrating.sample import Told
from spikeport.conversion.calibrating.simulation import Arrived, simulated
from spikeport.conversion.measurement import spread_of
from spikeport.conversion.parts import Scale
from spikeport.graph import LayerNode, SNNGraph
from spikeport.operations import Linear

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]

VALUES: Final = 1 << 26
"""Values of a node, at all steps of all samples, that are in memory at a time."""


@dataclass(frozen=True)
class Candidate:
    """A spiking network, and how far its outputs lie from the trained network's on samples it was not fitted to.

    Attributes
    ----------
    rule : which one chose θ
    biases : whether they were calibrated
    ridge : λ of the readout, or None where it is the trained one
    error : root of the mean square difference, in standard deviations of what the trained network says
    samples : how many it was judged on
    graph, scales : the network, and what a rate of 1 stands for in each layer
    """

    rule: str
    biases: bool
    ridge: float | None
    error: float
    samples: int
    graph: SNNGraph
    scales: list[Scale]

    @property
    def described(self) -> dict[str, Any]:
        """What a certificate says of it."""
        return {
            "thresholds": self.rule,
            "biases": "calibrated" if self.biases else "as trained",
            "readout": "as trained" if self.ridge is None else f"ridge {self.ridge:g}",
            "error": self.error,
            "samples": self.samples,
        }


@dataclass(frozen=True)
class Trial:
    """What candidates are fitted to and judged on, and for how many steps, with how many spikes at most in each."""

    network: ReadNetwork
    fitted: Told
    judged: Told
    timesteps: int
    max_spikes: int = 1

    def candidates(
        self, rule: str, thetas: dict[str, Array], biases: bool, ridges: Sequence[float | None]
    ) -> Iterator[Candidate]:
        """Yield one for each of ``ridges`` with these thresholds."""
        graph, scales = balanced(self.network, thetas, self.max_spikes)
        last, fitted = graph[len(graph) - 1], self.fitted
        if biases:
            means = {**fitted.means, last.name: _for_each_channel(fitted.drive, last)}
            arrived = calibrate_biases(graph, scales, fitted.x, self.timesteps, means)
        elif any(ridge is not None for ridge in ridges) and isinstance(last.operation, Linear):
            arrived = self._arrived(graph, fitted.x)
        judged = self._arrived(graph, self.judged.x)
        unit = np.asarray(scales[-1], np.float64)
        for ridge in ridges:
            if ridge is None:
                drive, network = judged.drive.flatten(1).cpu().numpy() * unit, graph
            elif isinstance(last.operation, Linear):
                bias = np.zeros(len(last.weights)) if last.bias is None else last.bias
                theta = np.column_stack([last.weights, bias]) * unit
                theta = ridge_readout(theta, arrived.rates.cpu().numpy(), fitted.drive, ridge)
                drive = judged.rates.cpu().numpy() @ theta[:, :-1].T + theta[:, -1]
                network = _with_readout(graph, theta / unit)
            else:
                continue
            yield Candidate(rule, biases, ridge, self._error(drive), len(drive), network, scales)

    def _arrived(self, graph: SNNGraph, x: torch.Tensor) -> Arrived:
        at_once = max(1, VALUES // 4 // (self.timesteps * widest(graph)))
        parts = [simulated(graph, some, self.timesteps) for some in torch.split(x, at_once)]
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


def _with_readout(graph: SNNGraph, theta: Array) -> SNNGraph:
    """Return ``graph`` with the weights and the bias in ``theta`` in its last layer; it shares all others."""
    *hidden, last = graph.layers
    dtype = last.operation.dtype
    operation = Linear(np.ascontiguousarray(theta[:, :-1], dtype), np.ascontiguousarray(theta[:, -1], dtype))
    return SNNGraph([*hidden, LayerNode.of(last.name, operation, last.neuron, last.inputs)], graph.input_shape)
