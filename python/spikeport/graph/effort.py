"""How much work a run of a graph is, and on how many samples a comparison may be made."""

from __future__ import annotations

import math
from typing import Final

from spikeport.graph.snn_graph import SNNGraph
from spikeport.operations import Weighted

WORK: Final = 2e10
"""Additions that a comparison may take, where the network is no list of linear layers."""

FEWEST: Final = 8
"""Samples that are compared, whatever it takes."""


def compared_on(graph: SNNGraph, T: int, count: int) -> int:
    """Return how many of ``count`` samples a network is compared on: all, or as many as `WORK` allows."""
    if graph.is_linear_chain:
        return count
    return min(count, max(FEWEST, int(WORK / (T * max(1, additions(graph))))))


def additions(graph: SNNGraph) -> int:
    """Return how many terms the sums of all layers have, for one sample and step."""
    places = [(layer.operation, math.prod((layer.shape or ())[1:])) for layer in graph]
    return sum(op.weight.size * n for op, n in places if isinstance(op, Weighted))
