"""Surgery on one linear layer: other arrays, fewer rows and columns, weights and bias as one matrix."""

from __future__ import annotations

import copy
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]

ROWS_AT_ONCE: Final = 64


def rebuilt(
    layer: LayerNode,
    weights: Array | None = None,
    *,
    bias: Array | str | None = "keep",
    neuron: Neuron | None = None,
    firing_rates: Array | None = None,
) -> LayerNode:
    """Return the layer with other arrays, taken over without a copy; weights and bias that are not given are shared."""
    new = copy.copy(layer)
    if weights is not None:
        new.weights = weights
        new.shape, new._n_inputs = weights.shape[:1], weights.shape[1]
    if not isinstance(bias, str):
        new.bias = None if bias is None else bias.astype(new.weights.dtype, copy=False)
    if neuron is not None:
        new.neuron = neuron
    same = new.n_neurons == layer.n_neurons
    new.firing_rates = layer.firing_rates if same and firing_rates is None else firing_rates  # copied: they are few
    return new


def take(layer: LayerNode, rows: Array | None = None, columns: Array | None = None) -> LayerNode:
    """Return the layer with only the neurons ``rows`` and the inputs ``columns`` (indices; None for all)."""
    if rows is None and columns is None:
        return layer
    if rows is None:
        return rebuilt(layer, layer.weights.take(np.asarray(columns), axis=1))
    if columns is None:
        weights = layer.weights.take(rows, axis=0)
    else:
        weights = np.empty((len(rows), len(columns)), layer.weights.dtype)
        for start in range(0, len(rows), ROWS_AT_ONCE):  # a block of rows stays in the cache between the two takes
            block = slice(start, start + ROWS_AT_ONCE)
            np.take(layer.weights[rows[block]], columns, axis=1, out=weights[block], mode="clip")
    bias = None if layer.bias is None else layer.bias[rows]
    rates = None if layer.firing_rates is None else layer.firing_rates[rows]
    return rebuilt(layer, weights, bias=bias, neuron=layer.neuron.take(rows), firing_rates=rates)


def constant_drive(layer: LayerNode, values: Array) -> Array:
    """Return ``Σ_k W[j, k]·values[k]``, shape (n_neurons,), k ascending: a matrix product has other bits elsewhere."""
    drive = np.empty(layer.n_neurons, np.result_type(layer.weights, values))
    for start in range(0, layer.n_neurons, ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        drive[block] = np.cumsum(layer.weights[block] * values, axis=1)[:, -1]  # adds from left to right
    return drive


def add_to_bias(layer: LayerNode, values: Array) -> Array | None:
    """Return the layer's bias plus ``values`` in the layer's dtype; None where it had none and nothing is added."""
    if layer.bias is None and not values.any():
        return None
    bias = np.zeros(layer.n_neurons, layer.weights.dtype) if layer.bias is None else layer.bias
    return np.asarray(bias + values.astype(layer.weights.dtype))


def with_bias(layer: LayerNode) -> Array:
    """Return weights and bias as one float64 matrix (n_neurons, n_inputs + 1)."""
    bias = np.zeros(layer.n_neurons) if layer.bias is None else layer.bias
    return np.column_stack([layer.weights, bias]).astype(np.float64)


def without_bias(layer: LayerNode, matrix: Array) -> LayerNode:
    """Return the layer with weights and bias from one matrix; a bias appears only where it is not 0."""
    weights = np.ascontiguousarray(matrix[:, :-1], layer.weights.dtype)
    bare = rebuilt(layer, weights, bias=None)
    return rebuilt(bare, bias=add_to_bias(bare, matrix[:, -1]))


def per_neuron(layer: LayerNode, value: Any) -> Array:
    """Return a neuron parameter (one number, or one for each neuron) as float64 of shape (n_neurons,)."""
    return np.broadcast_to(np.asarray(value, np.float64), (layer.n_neurons,))


def thresholds(layer: LayerNode) -> Array:
    """Return θ of every neuron as float64 of shape (n_neurons,), 1 where there is no neuron."""
    return per_neuron(layer, layer.neuron.threshold if layer.neuron.is_spiking else 1.0)
