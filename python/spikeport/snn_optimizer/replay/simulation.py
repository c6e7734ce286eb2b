"""A fast simulation for measuring: currents by matrix products, and what passed along every synapse.

The neurons are the kernels' own (`spikeport.kernels.layer.fire`). The order of summation is the matrix library's: a
spike that hangs on the last bit may fall otherwise than `SNNGraph.run` says. What is *claimed* of a result is therefore
measured by `run` (`spikeport.snn_optimizer.replay.verification`); what is only *chosen* by measurement (which neurons
to prune) is measured here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels.encode import encode_poisson
from spikeport.kernels.layer import fire, sum_in_order
from spikeport.snn_optimizer.proofs.scope import Scope

Array = npt.NDArray[Any]
VALUES_AT_ONCE = 1 << 23  # entries of one layer's currents over all steps: 64 MiB in float64


@dataclass(frozen=True, eq=False)
class Activity:
    """What a network did on data.

    Attributes
    ----------
    inputs : mean value on each input of each layer, a list of (samples, n_inputs)
    events : mean number of nonzero values on each input of each layer in one inference, a list of (n_inputs,)
    drive : what the output layer received in all, (samples, n_out)
    """

    inputs: list[Array]
    events: list[Array]
    drive: Array

    @property
    def answers(self) -> Array:
        """The output neuron that received most, (samples,)."""
        return np.asarray(self.drive.argmax(axis=1))


@np.errstate(over="ignore", invalid="ignore")  # an overflow is refused by name, as ``non_finite``
def simulate(graph: SNNGraph, data: Array, scope: Scope, *, keep_inputs: bool = True) -> Activity:
    """Run ``data`` of shape (samples, n_inputs) and return what happened, in blocks of samples that bound memory.

    Raises `spikeport.errors.KernelError` as `SNNGraph.run` does, with ``non_finite`` for currents that overflow.
    """
    widest = max(max(layer.weights.shape) for layer in graph)
    size = max(1, VALUES_AT_ONCE // (widest * scope.timesteps))
    parts = [_block(graph, data[start : start + size], scope, keep_inputs) for start in range(0, len(data), size)]
    inputs = [np.concatenate(layer) for layer in zip(*(p.inputs for p in parts), strict=True)] if keep_inputs else []
    weights = [len(p.drive) / len(data) for p in parts]
    events = [
        np.sum([w * e for w, e in zip(weights, layer, strict=True)], axis=0)
        for layer in zip(*(p.events for p in parts), strict=True)
    ]
    return Activity(inputs, events, np.concatenate([p.drive for p in parts]))


def _block(graph: SNNGraph, x: Array, scope: Scope, keep_inputs: bool) -> Activity:
    T = scope.timesteps
    steady = scope.encoding == "current"  # the same input at every step: its current is computed once
    signal = x[None] if steady else encode_poisson(x, timesteps=T, seed=scope.seed)
    inputs, events = [], []
    for layer in graph:
        if keep_inputs:
            inputs.append(_mean(_at_every_step(signal, T)))
        events.append(np.count_nonzero(signal, axis=(0, 1)) / len(x))
        currents = _at_every_step(_currents(layer, signal), T)
        signal = fire(currents, layer.neuron).spikes
    return Activity(inputs, events, sum_in_order(currents))


def _at_every_step(values: Array, timesteps: int) -> Array:
    return np.broadcast_to(values, (timesteps, *values.shape[1:]))


def _mean(signal: Array) -> Array:
    total = np.zeros(signal.shape[1:])
    for values in signal:
        total += values
    return total / len(signal)


def _currents(layer: LayerNode, signal: Array) -> Array:
    """Return ``W·x + b`` of shape (steps, batch, n_neurons) for a signal of shape (steps, batch, n_inputs)."""
    currents = signal.astype(layer.weights.dtype, copy=False) @ layer.weights.T
    return np.asarray(currents if layer.bias is None else currents + layer.bias)
