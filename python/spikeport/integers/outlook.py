"""What stands behind a signal without neurons: how large its whole numbers may be, so that what reads it has room."""

from __future__ import annotations

import math

import numpy as np

from spikeport.integers.budget import Budget
from spikeport.kernels import PlacedNetwork, PlacedNode
from spikeport.operations import Add, Pool, Weighted


def room_behind(network: PlacedNetwork, name: str, budget: Budget) -> float:
    """Return the largest value of the signal ``name``, for what reads it: weights share the room with it."""
    room = float(budget.largest_current)
    for node in network.nodes:
        if name not in node.inputs:
            continue
        if isinstance(node.operation, Weighted):
            room = min(room, budget.values_before(spread(node.operation)))
        elif node.neuron.is_spiking:
            room = min(room, budget.largest_current / 2 / _gain(node))
        else:
            room = min(room, room_behind(network, node.name, budget) / _gain(node))
    return room


def spread(operation: Weighted) -> float:
    """Return how many times its largest weight a row of weights sums to, at most; at least 1."""
    weights = np.abs(operation.weight.reshape(operation.n_outputs, -1).astype(np.float64))
    largest = weights.max(axis=1)
    return float(np.divide(weights.sum(axis=1), largest, out=np.ones(len(largest)), where=largest > 0).max())


def _gain(node: PlacedNode) -> int:
    """Return how many times what it reads a node without weights may pass on."""
    if isinstance(node.operation, Add):
        return len(node.inputs)
    if isinstance(node.operation, Pool) and node.operation.kind != "max_pool":
        return math.prod(node.operation.window.kernel)
    return 1
