"""A fast simulation for measuring: the network's steps with matrix products, and what passed along every synapse.

The equations are the kernels', the order of summation is the matrix library's: a spike that hangs on the last bit
may fall otherwise than `SNNGraph.run` says. What is *claimed* of a result is therefore measured by `run`
(`spikeport.snn_optimizer.replay.verification`); what is only *chosen* by measurement (which neurons to prune) is
measured
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels import encode_poisson
from spikeport.snn_optimizer.proofs.scope import Scope

Array = npt.NDArray[Any]
VALUES_AT_ONCE = 1 << 23


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


@np.errstate(over="ignore", invalid="ignore")  # what overflows is refused where it is run, as ``non_finite``
def simulate(graph: SNNGraph, data: Array, scope: Scope, *, keep_inputs: bool = True) -> Activity:
    """Run ``data`` of shape (samples, n_inputs) and return what happened, in blocks of samples that bound memory."""
    widest = max(max(layer.weights.shape) for layer in graph)
    size = max(1, VALUES_AT_ONCE // (widest * (scope.timesteps if scope.encoding == "poisson" else 4)))
    parts = [_block(graph, data[start : start + size], scope, keep_inputs) for start in range(0, len(data), size)]
    inputs = [np.concatenate(layer) for layer in zip(*(p.inputs for p in parts), strict=True)] if keep_inputs else []
    weights = [len(p.drive) / len(data) for p in parts]
    events = [
        np.sum([w * e for w, e in zip(weights, layer, strict=True)], axis=0)
        for layer in zip(*(p.events for p in parts), strict=True)
    ]
    return Activity(inputs, events, np.concatenate([p.drive for p in parts]))


def _block(graph: SNNGraph, x: Array, scope: Scope, keep_inputs: bool) -> Activity:
    T, n = scope.timesteps, len(graph)
    constant = scope.encoding == "current"
    spikes = None if constant else encode_poisson(x, timesteps=T, seed=scope.seed)
    neurons = [_Neurons(layer, len(x)) for layer in graph]
    sums: list[Array] = [np.zeros((len(x), layer.n_inputs)) for layer in graph]
    events: list[Array] = [np.zeros(layer.n_inputs) for layer in graph]
    drive = np.zeros((len(x), graph.n_outputs))
    first = _current(graph.layers[0], x) if constant else None
    for t in range(T):
        signal = x if spikes is None else spikes[t]
        for k, layer in enumerate(graph):
            if keep_inputs:
                sums[k] += signal
            if not (constant and k == 0):
                events[k] += np.count_nonzero(signal, axis=0)
            current = first if k == 0 and first is not None else _current(layer, signal)
            if k == n - 1:
                drive += current
            signal = neurons[k].step(current)
    if constant:
        events[0] = np.count_nonzero(x, axis=0).astype(np.float64)  # the same current at every step: summed once
    return Activity([s / T for s in sums] if keep_inputs else [], [e / len(x) for e in events], drive)


def _current(layer: LayerNode, signal: Array) -> Array:
    current = signal.astype(layer.weights.dtype, copy=False) @ layer.weights.T
    return np.asarray(current if layer.bias is None else current + layer.bias)


class _Neurons:
    """The membranes of one layer."""

    def __init__(self, layer: LayerNode, batch: int) -> None:
        dtype, neuron = layer.weights.dtype, layer.neuron
        self.neuron = neuron
        self.θ = np.asarray(neuron.threshold, dtype)
        self.β = np.asarray(neuron.beta, dtype)
        v0 = np.asarray(neuron.v_init, dtype) * (1 if neuron.kind == "ST-BIF" else self.θ)
        self.v = np.broadcast_to(v0, (batch, layer.n_neurons)).astype(dtype)
        self.S = np.zeros(self.v.shape, np.int64)

    def step(self, current: Array) -> Array:
        if not self.neuron.is_spiking:
            return current
        if self.neuron.kind == "ST-BIF":
            self.v = self.v + current / self.θ
            s = ((self.v >= 1) & (self.neuron.tracer_max > self.S)).astype(self.v.dtype)
            s -= (self.v < 0) & (self.neuron.tracer_min < self.S)
            self.S += s.astype(np.int64)
            self.v -= s
            return s
        self.v = (self.v if self.neuron.kind == "IF" else self.β * self.v) + current
        fired = self.v >= self.θ
        if self.neuron.v_reset is None:
            self.v -= self.θ * fired
        else:
            self.v = np.where(fired, np.asarray(self.neuron.v_reset, self.v.dtype), self.v)
        return fired.astype(self.v.dtype)
