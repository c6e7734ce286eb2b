"""How large a signal without neurons may become, so that the weights behind it have room.

Nothing is rounded between such signals, so their bits add up: of a value v, weights up to w make w·spread·v, those
behind them w·spread·w·spread·v, until neurons or the output end it. All weights on the way, and what makes v, get as
many bits.
"""

from __future__ import annotations

import math

import numpy as np

from spikeport.integers.budget import MOST, Budget
from spikeport.kernels import PlacedNetwork, PlacedNode
from spikeport.operations import Add, Pool, Weighted

Ways = dict[int, float]
"""From a signal to neurons or the output: for each number of weights on the way, how much they spread at most."""


def room_behind(network: PlacedNetwork, name: str, unit: float, budget: Budget) -> float:
    """Return the largest value of the signal ``name`` with which all that stands behind it has room.

    ``unit`` is how large it is where what makes it has weights of 1, or where an input has one level.
    """
    most, rooms = MOST / 2 / budget.timesteps, [MOST / 2 / budget.timesteps]
    for weights, spread_behind in _ways(network, name).items():
        even = (most / (unit * spread_behind)) ** (1 / (weights + 1))
        rooms.append(most / (spread_behind * min(even, budget.largest_weight) ** weights))
    return min(rooms)


def _ways(network: PlacedNetwork, name: str) -> Ways:
    found: Ways = {}
    for node in network.nodes:
        if name not in node.inputs:
            continue
        is_weighted = isinstance(node.operation, Weighted)
        ends = node.neuron.is_spiking or node is network.nodes[-1]
        for weights, behind in ({0: 1.0} if ends else _ways(network, node.name)).items():
            own = spread(node.operation) if isinstance(node.operation, Weighted) else _gain(node)
            found[weights + is_weighted] = max(found.get(weights + is_weighted, 0.0), behind * own)
    return found


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
