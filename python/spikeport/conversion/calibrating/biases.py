"""Biases that make the mean rates of the spiking network the mean activations of the trained one (Li et al. 2021).

Layer by layer, each behind those that are calibrated already, for its channel c twice

    b_c ← b_c + E[relu(z_c)] - E[r_c]

with z the trained network's, r the rate in its units, the mean over samples and places. It takes back what clipping,
rounding and the unevenness of spikes do to the mean; no label is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeport.conversion.calibrating.simulation import Arrived, Simulation, fired, for_each_channel, late
from spikeport.conversion.parts import Scale
from spikeport.graph import LayerNode, SNNGraph
from spikeport.operations import Add, Weighted

Array = npt.NDArray[Any]

ROUNDS: Final = 2


def calibrate_biases(
    graph: SNNGraph,
    scales: Sequence[Scale],
    x: Tensor,
    timesteps: int,
    means: Mapping[str, Array],
    readout: str | None = None,
    delay: int = 0,
) -> Arrived:
    """Change the biases of ``graph``, and return what then comes to its last layer.

    Parameters
    ----------
    graph : changed in place; a layer without a bias gets one
    scales : what a rate of 1, or a current of 1, stands for in each of its layers
    x : samples as the graph takes them
    means : the trained network's mean activation in each channel, by the name of the layer with the neurons; behind
        the last layer, whose neurons only count, that of its currents
    readout : the layer whose rates are returned, by default the last one
    delay : steps at the start that are not read, fewer than ``timesteps``: rates are those of the others
    """
    simulation = Simulation(graph, x, timesteps, readout, delay)
    for k, layer in simulation.hidden():
        place = bias_of(graph, layer) if layer.name in means and layer.neuron.is_spiking else None
        currents, shift = simulation.currents(k), np.zeros(0 if layer.shape is None else layer.shape[0])
        if place is not None:
            shift = moved(layer, currents, timesteps, means[layer.name], scales[k], delay)
            add_to_bias(place, shift)
        simulation.send(layer, currents, for_each_channel(shift, currents))
    return with_last_bias(graph, scales, simulation.arrived(), means)


def moved(
    layer: LayerNode, currents: Tensor, timesteps: int, means: Array, scale: Scale | Array, delay: int = 0
) -> Array:
    """Return what to add to the currents of each channel for its mean rate, in units of ``scale``, to be ``means``.

    The rate is that after ``delay`` steps.
    """
    unit = np.asarray(layer.neuron.threshold) / np.asarray(scale)  # a current as large as the threshold is a rate of 1
    shift = np.zeros(len(means))
    for _ in range(ROUNDS):
        spikes = fired(layer.neuron, currents, timesteps, for_each_channel(shift, currents))
        shift = shift + (means - channel_means(late(spikes, delay).to(currents.dtype).mean(0)) * scale) * unit
    return shift


def with_last_bias(graph: SNNGraph, scales: Sequence[Scale], arrived: Arrived, means: Mapping[str, Array]) -> Arrived:
    """Give the last layer the bias that makes its mean drive what it is in the trained network."""
    last = graph[len(graph) - 1]
    if last.name not in means or not isinstance(last.operation, Weighted):
        return arrived
    missing = means[last.name] / np.asarray(scales[-1]) - channel_means(arrived.drive)
    add_to_bias(last, missing)
    return Arrived(arrived.rates, arrived.drive + for_each_channel(missing, arrived.drive[None]))


def bias_of(graph: SNNGraph, layer: LayerNode) -> LayerNode | None:
    """Return the layer whose bias reaches the neurons of ``layer`` and nothing else, or None where there is none.

    That is itself where it has weights; of an addition, one of the layers with weights that it alone reads.
    """
    if isinstance(layer.operation, Weighted):
        return layer
    for source in graph.sources(layer.name) if isinstance(layer.operation, Add) else ():
        has_weights = source is not None and isinstance(source.operation, Weighted) and not source.neuron.is_spiking
        if source is not None and has_weights and len(graph.readers(source.name)) == 1:
            return source
    return None


def add_to_bias(layer: LayerNode, values: Array) -> None:
    """Add ``values``, one for each channel, to the bias of a layer with weights."""
    dtype = layer.operation.dtype
    before = np.zeros(len(values)) if layer.bias is None else layer.bias.astype(np.float64)
    layer.bias = (before + values).astype(dtype)


def channel_means(values: Tensor) -> Array:
    """Return the mean of each channel of values (batch, channels, …), in float64."""
    means: Array = values.double().transpose(0, 1).flatten(1).mean(1).cpu().numpy()
    return means
