"""A spiking network fitted layer by layer, each behind those that are fitted already: weights, starts, biases.

- weights, where a ridge is given: by ridge regression of the trained layer's currents on the rates that reach it, so
  that it makes good for what those before it lost (Li et al. 2021 do so by gradient descent). Where an addition alone
  reads the layer, it makes good for what the other signals of the sum lost, too
- starts: `late_starts`
- biases: as in `biases`, behind both

In a pass before that, θ of each channel may be chosen so: that of a few with which its rate, starts and biases fitted,
comes closest to the trained activation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeport.conversion.balance import balanced
from spikeport.conversion.calibrating.biases import add_to_bias, bias_of, moved, with_last_bias
from spikeport.conversion.calibrating.late_starts import STARTS, best_of
from spikeport.conversion.calibrating.patches import is_regular, matrix_of, patches, rows, spread, with_matrix
from spikeport.conversion.calibrating.ridge import ridge_readout
from spikeport.conversion.calibrating.sample import Told
from spikeport.conversion.calibrating.simulation import Arrived, Simulation, for_each_channel
from spikeport.conversion.parts import Scale
from spikeport.conversion.thresholds.network import has_free_theta
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import PerNeuron
from spikeport.operations import Add, Weighted

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]

FACTORS: Final = (1.0, 0.6, 0.8, 1.25, 1.6)
"""Of θ, where each channel's is chosen once more on the network as it spikes; where two are as good, the first one."""


def thetas_as_it_spikes(
    network: ReadNetwork,
    thetas: Mapping[str, Array],
    told: Told,
    timesteps: int,
    max_spikes: int,
    ridge: float | None,
    delay: int = 0,
    may_be_late: bool = True,
) -> dict[str, Array]:
    """Return ``thetas`` with that of each channel changed as serves best in the network as it spikes, fitted so far."""
    graph, scales = balanced(network, thetas, max_spikes)
    factors: dict[str, PerNeuron] = {}
    how = ridge, None, factors, delay, may_be_late
    fit_layers(network, graph, scales, told.x, timesteps, told.means, *how)
    limits = {node.name: np.inf for node in network.nodes}
    limits |= {node.name: node.activation.theta for node in network.nodes if node.activation and node.activation.theta}
    return {name: np.minimum(theta * factors.get(name, 1.0), limits[name]) for name, theta in thetas.items()}


def fit_layers(
    network: ReadNetwork,
    graph: SNNGraph,
    scales: Sequence[Scale],
    x: Tensor,
    timesteps: int,
    means: Mapping[str, Array],
    ridge: float | None = None,
    readout: str | None = None,
    factors: dict[str, PerNeuron] | None = None,
    delay: int = 0,
    may_be_late: bool = True,
) -> Arrived:
    """Change biases of ``graph``, starts where they ``may_be_late``, and its weights where there is a ``ridge``.

    The other arguments, and what is returned, are those of `biases.calibrate_biases`; ``network`` is the trained one.
    ``factors`` gets, where it is given, those of `FACTORS` with which θ of each channel would serve best; then the
    layers behind are fitted to what they would be sent, and ``graph`` is of no further use.
    """
    simulation = Simulation(graph, x, timesteps, readout, delay)
    trained = _Beside(network, x, graph)
    for k, layer in simulation.hidden():
        behind, is_steady = trained.at(layer), simulation.is_steady(k)
        if ridge is not None and behind is not None and not is_steady and is_regular(layer.operation):
            wanted = behind.drive + trained.lost_beside(layer, simulation, scales)
            _fit_weights(layer, simulation.mean_read(k), wanted, scales[k], ridge)
        currents, shift = simulation.currents(k), np.zeros((layer.shape or (0,))[0])
        place = bias_of(graph, layer) if layer.name in means and layer.neuron.is_spiking else None
        if place is not None and behind is not None:
            wanted, neuron = behind.output / for_each_channel(scales[k], currents), layer.neuron
            starts = STARTS if may_be_late and not is_steady else STARTS[:1]
            tried = FACTORS if factors is not None and trained.is_free(layer) else FACTORS[:1]
            start, factor = best_of(neuron, currents, timesteps, wanted, starts, tried, delay)
            layer.neuron = replace(neuron, v_init=start, threshold=neuron.threshold * factor)
            shift = moved(layer, currents, timesteps, means[layer.name], np.asarray(scales[k]) * factor, delay)
            add_to_bias(place, shift)
            if factors is not None:
                factors[layer.name] = factor
        simulation.send(layer, currents, for_each_channel(shift, currents))
        if factors is not None and layer.name in factors:
            simulation.weigh(layer, factors[layer.name])
    return with_last_bias(graph, scales, simulation.arrived(), means)


class _Signals(NamedTuple):
    """What the trained network computes in one layer: before and behind its activation, (batch, …)."""

    drive: Tensor
    output: Tensor


class _Beside:
    """The trained network, run along with the spiking one, which has its nodes in its order, and a few between them."""

    def __init__(self, network: ReadNetwork, x: Tensor, graph: SNNGraph) -> None:
        self._walk, self._graph = network.walk(x), graph
        self._next = next(self._walk, None)
        sums = [k for k, layer in enumerate(graph) if isinstance(layer.operation, Add)]
        self._added = {name for k in sums for name in graph.reads(k)}
        self._outputs: dict[str, Tensor] = {}
        self._free = {node.name for node in network.nodes if has_free_theta(network, node)}

    def at(self, layer: LayerNode) -> _Signals | None:
        """Return what the trained network has at ``layer``, or None where it has no such layer."""
        if self._next is None or self._next[0].name != layer.name:
            return None
        found = _Signals(*self._next[1:])
        self._next = next(self._walk, None)
        if layer.name in self._added:
            self._outputs[layer.name] = found.output
        return found

    def is_free(self, layer: LayerNode) -> bool:
        """Whether θ of a layer's neurons was not learnt."""
        return layer.name in self._free

    def lost_beside(self, layer: LayerNode, simulation: Simulation, scales: Sequence[Scale]) -> Tensor | float:
        """Return what is missing in the signals that the one addition that reads ``layer`` adds to it, as far as known.

        In units of the trained network, (batch, …); 0 where ``layer`` goes elsewhere, too, or has neurons.
        """
        readers = self._graph.readers(layer.name)
        if layer.neuron.is_spiking or len(readers) != 1 or not isinstance(readers[0].operation, Add):
            return 0.0
        total: Tensor | float = 0.0
        places = {node.name: place for place, node in enumerate(self._graph)}
        for name in self._graph.reads(places[readers[0].name]):
            if name != layer.name and name in simulation.signals and name in self._outputs:
                given = simulation.mean_of(name)
                unit = for_each_channel(scales[places[name]], given[None])
                total = total + (self._outputs[name] - given * unit)
        return total


def _fit_weights(layer: LayerNode, rates: Tensor, drive: Tensor, scale: Scale, ridge: float) -> None:
    """Give ``layer`` the weights and the bias with which the mean of what it reads comes closest to ``drive``."""
    operation = layer.operation
    assert isinstance(operation, Weighted)
    read = patches(operation, rates)
    places = spread(read[:, 0].numel(), read.shape[1])
    wanted = rows(drive.double(), places) / np.asarray(scale)
    layer.operation = with_matrix(operation, ridge_readout(matrix_of(operation), rows(read, places), wanted, ridge))
