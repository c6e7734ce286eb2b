"""What a graph costs: neurons, parameters, bytes, and synaptic operations per inference.

- A **neuron** is a value that a node with weights or with spikes passes on. What a pool, a sum or a concatenation
  without neurons hands through is none.
- A **parameter** is a weight or bias that is stored; ``nonzero`` counts those that are not 0, which is what a sparse
  store or an event-driven machine holds.
- A **synaptic operation** is one addition that an event causes: an input that is not 0, times the nonzero weights that
  leave it: in a convolution those of every place that reads it. An analog input that is fed unchanged at every step is
  multiplied once per inference, and counted once; several spikes at once are one event. What pools, sums and
  concatenations add is not counted.
- **Bytes** are those of the cheaper store of each layer: dense, or compressed sparse rows (a value and a 32-bit
  column for each weight, a 32-bit offset for each row). A row is a neuron of a linear layer, a channel of a
  convolution. Weights on a grid of 8 or 4 bits count so many bits, and one scale for each row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.operations import Weighted

Array = npt.NDArray[Any]

BYTES: Final = (
    "bytes of the cheaper store of each layer, dense or sparse, with weights on a grid in as many bits as the grid "
    "has. A checkpoint keeps every weight, 0 or not, as float32 or float64"
)
"""What the figure is, for whoever compares it with the size of a file."""


@dataclass(frozen=True)
class Cost:
    """What a graph costs; ``synaptic_operations`` is a mean over the data, None where nothing was measured."""

    layers: int
    neurons: int
    parameters: int
    nonzero: int
    bytes: int
    synaptic_operations: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        return asdict(self)


def cost_of(
    graph: SNNGraph, events: Mapping[str, Array] | None = None, weight_bits: Mapping[str, int] | None = None
) -> Cost:
    """Return the cost of ``graph``.

    Parameters
    ----------
    events : by node with weights, nonzero values on each value that it reads in one inference (`simulation.Activity`)
    weight_bits : layers whose weights are stored in so many bits
    """
    bits, item = weight_bits or {}, dtype_of(graph).itemsize
    return Cost(
        layers=len(graph),
        neurons=neurons_of(graph),
        parameters=graph.n_params,
        nonzero=sum(int(np.count_nonzero(array)) for layer in graph for array in layer.operation.arrays().values()),
        bytes=sum(_bytes(layer, item, bits.get(layer.name)) for layer in graph),
        synaptic_operations=None if events is None else _operations(graph, events),
    )


def neurons_of(graph: SNNGraph) -> int:
    """Return how many neurons a graph has: values that nodes with weights or with spikes pass on."""
    return sum(layer.n_neurons for layer in graph if layer.neuron.is_spiking or isinstance(layer.operation, Weighted))


def additions_of(graph: SNNGraph) -> int:
    """Return the additions of one step in which everything sends: each weight and bias, at each place of its output."""
    weighted = [(layer.n_neurons, layer.operation) for layer in graph if isinstance(layer.operation, Weighted)]
    return sum(n // operation.n_outputs * operation.n_params for n, operation in weighted)


def _operations(graph: SNNGraph, events: Mapping[str, Array]) -> float:
    total = 0.0
    for layer in graph:
        if isinstance(layer.operation, Weighted):
            arrived = events[layer.name]
            total += float(arrived.ravel() @ layer.operation.fan_out(arrived.shape).ravel())
    return total


def _bytes(layer: LayerNode, item: int, bits: int | None) -> int:
    neuron, operation = layer.neuron, layer.operation
    parameters = [neuron.threshold, neuron.v_init, neuron.beta, *([] if neuron.v_reset is None else [neuron.v_reset])]
    state = sum(np.size(value) for value in parameters) * item if neuron.is_spiking else 0
    if not isinstance(operation, Weighted):
        return state
    each = item if bits is None else bits / 8
    dense = operation.weight.size * each
    sparse = int(np.count_nonzero(operation.weight)) * (each + 4) + 4 * (operation.n_outputs + 1)
    scales = 0 if bits is None else item * operation.n_outputs
    bias = 0 if operation.bias is None else operation.bias.nbytes
    return math.ceil(min(dense, sparse)) + scales + bias + state
