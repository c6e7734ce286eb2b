"""What a graph costs: neurons, parameters, bytes, and synaptic operations per inference.

- A **parameter** is a weight or bias that is stored; ``nonzero`` counts those that are not 0, which is what a sparse
  store or an event-driven machine holds.
- A **synaptic operation** is one addition that an event causes: an input that is not 0, times the nonzero weights that
  leave it. An analog input that is fed unchanged at every step is multiplied once per inference, and counted once.
- **Bytes** are those of the cheaper store of each layer: dense, or compressed sparse rows (a value and a 32-bit
  column for each weight, a 32-bit offset for each row). Weights on a grid of 8 or 4 bits count so many bits, and one
  scale for each neuron.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph

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


def cost_of(graph: SNNGraph, events: list[Array] | None = None, weight_bits: Mapping[str, int] | None = None) -> Cost:
    """Return the cost of ``graph``.

    Parameters
    ----------
    events : nonzero values on each input of each layer in one inference (`simulation.Activity.events`)
    weight_bits : layers whose weights are stored in so many bits
    """
    bits = weight_bits or {}
    nonzero = [(int(np.count_nonzero(layer.weights)), layer) for layer in graph]
    operations = None
    if events is not None:
        operations = float(sum(e @ (layer.weights != 0).sum(axis=0) for e, layer in zip(events, graph, strict=True)))
    return Cost(
        layers=len(graph),
        neurons=sum(layer.n_neurons for layer in graph),
        parameters=graph.n_params,
        nonzero=sum(n + (0 if a.bias is None else int(np.count_nonzero(a.bias))) for n, a in nonzero),
        bytes=sum(_bytes(layer, n, bits.get(layer.name)) for n, layer in nonzero),
        synaptic_operations=operations,
    )


def _bytes(layer: LayerNode, nonzero: int, bits: int | None) -> int:
    item = layer.weights.dtype.itemsize
    each = item if bits is None else bits / 8
    dense = layer.weights.size * each
    sparse = nonzero * (each + 4) + 4 * (layer.n_neurons + 1)
    scales = 0 if bits is None else item * layer.n_neurons
    neuron = layer.neuron
    arrays = [neuron.threshold, neuron.v_init, neuron.beta, *([] if neuron.v_reset is None else [neuron.v_reset])]
    state = sum(np.size(a) for a in arrays) * item if neuron.is_spiking else 0
    bias = 0 if layer.bias is None else layer.bias.nbytes
    return math.ceil(min(dense, sparse)) + scales + bias + state
