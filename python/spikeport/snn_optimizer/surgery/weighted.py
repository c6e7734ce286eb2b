"""Surgery on one node: other arrays, fewer units, fewer terms, weights and bias as one matrix.

A unit is an entry of the first axis of what a node passes on: a neuron of a vector, a channel of an image. A node with
weights is taken as the matrix of `spikeport.operations.Weighted`: one row for each unit, one column for each term of
its sum. Of a convolution in groups, a row has the terms of its own group.
"""

from __future__ import annotations

import copy
import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode
from spikeport.neuron import Neuron
from spikeport.operations import Weighted

Array = npt.NDArray[Any]

ROWS_AT_ONCE: Final = 64


def units_of(node: LayerNode) -> int:
    """Return how many units a node passes on."""
    assert node.shape is not None  # a node of a graph
    return node.shape[0]


def places_of(node: LayerNode) -> int:
    """Return how many values each unit has: 1 for a neuron of a vector, the pixels of a channel."""
    return node.n_neurons // units_of(node)


def weighted_of(node: LayerNode) -> Weighted:
    """Return the node's operation, which has weights; raise `GraphError` where it has none."""
    if not isinstance(node.operation, Weighted):
        raise GraphError("operation", f"{node.name}: the operation {node.operation.kind} has no weights")
    return node.operation


def rows_of(node: LayerNode) -> Array:
    """Return the weights as a matrix (units, terms): a view, not a copy."""
    weights = node.weights
    return weights.reshape(len(weights), math.prod(weights.shape[1:]))


def rebuilt(
    node: LayerNode,
    weights: Array | None = None,
    *,
    bias: Array | str | None = "keep",
    neuron: Neuron | None = None,
    firing_rates: Array | None = None,
) -> LayerNode:
    """Return the node with other arrays, taken over without a copy; weights and bias that are not given are shared.

    ``weights`` have the axes of the node's own, or are a matrix (units, terms).
    """
    new = copy.copy(node)
    if weights is not None:
        old = node.weights.shape
        new.weights = weights.reshape(len(weights), weights.size // len(weights) // math.prod(old[2:]), *old[2:])
        _resize(new, len(weights), node.n_inputs * new.weights.shape[1] // old[1])
    if not isinstance(bias, str):
        new.bias = None if bias is None else bias.astype(new.weights.dtype, copy=False)
    if neuron is not None:
        new.neuron = neuron
    same = new.n_neurons == node.n_neurons
    new.firing_rates = node.firing_rates if same and firing_rates is None else firing_rates  # copied: they are few
    return new


def take(node: LayerNode, rows: Array | None = None, columns: Array | None = None) -> LayerNode:
    """Return the node with only the units ``rows`` and the terms ``columns`` of its weights (indices; None for all)."""
    if rows is None and columns is None:
        return node
    if not isinstance(node.operation, Weighted):
        return _fewer(node, rows)
    matrix = rows_of(node)
    if rows is None:
        return rebuilt(node, matrix.take(np.asarray(columns), axis=1))
    if columns is None:
        weights = matrix.take(rows, axis=0)
    else:
        weights = np.empty((len(rows), len(columns)), matrix.dtype)
        for start in range(0, len(rows), ROWS_AT_ONCE):  # a block of rows stays in the cache between the two takes
            block = slice(start, start + ROWS_AT_ONCE)
            np.take(matrix[rows[block]], columns, axis=1, out=weights[block], mode="clip")
    bias = None if node.bias is None else node.bias[rows]
    rates = None if node.firing_rates is None else node.firing_rates[rows]
    return rebuilt(node, weights, bias=bias, neuron=node.neuron.take(rows), firing_rates=rates)


def _fewer(node: LayerNode, rows: Array | None) -> LayerNode:
    """Return a node without weights with only the units ``rows``; what it reads loses the same ones."""
    if rows is None:
        return node
    new = copy.copy(node)
    new.neuron = node.neuron.take(rows)
    _resize(new, len(rows), node.n_inputs)
    new.firing_rates = None if node.firing_rates is None else node.firing_rates[rows]
    return new


def _resize(node: LayerNode, units: int, n_inputs: int) -> None:
    assert node.shape is not None  # a node of a graph
    node.shape, node._n_inputs = (units, *node.shape[1:]), n_inputs


def constant_drive(node: LayerNode, values: Array) -> Array:
    """Return ``Σ_k W[j, k]·values[k]``, shape (units,), k ascending: a matrix product has other bits elsewhere.

    ``values`` has one number for each term, shape (terms,), or for each term of each group, shape (groups, terms).
    """
    matrix = rows_of(node)
    drive = np.empty(len(matrix), np.result_type(matrix, values))
    each = np.atleast_2d(values)
    in_group = len(matrix) // len(each)
    for start in range(0, len(matrix), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        read = each[np.arange(len(matrix))[block] // in_group] if len(each) > 1 else each
        drive[block] = np.cumsum(matrix[block] * read, axis=1)[:, -1]  # adds from left to right
    return drive


def add_to_bias(node: LayerNode, values: Array) -> Array | None:
    """Return the node's bias plus ``values`` in the node's dtype; None where it had none and nothing is added."""
    if node.bias is None and not values.any():
        return None
    bias = np.zeros(units_of(node), node.weights.dtype) if node.bias is None else node.bias
    return np.asarray(bias + values.astype(node.weights.dtype))


def with_bias(node: LayerNode) -> Array:
    """Return weights and bias as one float64 matrix (units, terms + 1)."""
    bias = np.zeros(units_of(node)) if node.bias is None else node.bias
    return np.column_stack([rows_of(node), bias]).astype(np.float64)


def without_bias(node: LayerNode, matrix: Array) -> LayerNode:
    """Return the node with weights and bias from one matrix; a bias appears only where it is not 0."""
    weights = np.ascontiguousarray(matrix[:, :-1], node.weights.dtype)
    bare = rebuilt(node, weights, bias=None)
    return rebuilt(bare, bias=add_to_bias(bare, matrix[:, -1]))


def per_unit(node: LayerNode, value: Any) -> Array:
    """Return a neuron parameter (one number, or one for each unit) as float64 of shape (units,)."""
    return np.broadcast_to(np.asarray(value, np.float64), (units_of(node),))


def per_neuron(node: LayerNode, value: Any) -> Array:
    """Return a neuron parameter (one number, or one for each unit) as float64 in the shape of the node."""
    return at_each_place(node, np.asarray(value, np.float64))


def at_each_place(node: LayerNode, values: Array) -> Array:
    """Return one number, or one for each unit, in the shape of the node."""
    assert node.shape is not None  # a node of a graph
    axes = (1,) * (len(node.shape) - 1)
    return np.broadcast_to(values.reshape(*values.shape, *axes) if values.ndim else values, node.shape)


def thresholds(node: LayerNode) -> Array:
    """Return θ of every unit as float64 of shape (units,), 1 where there is no neuron."""
    return per_unit(node, node.neuron.threshold if node.neuron.is_spiking else 1.0)
