"""What a neuron reads: its weights on every value of a signal, as one row, and when it fires.

A neuron of a convolution is a channel at a place; the row has the weights of its window there, and zeros elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode
from spikeport.operations import Shape, Weighted

Array = npt.NDArray[Any]


class ReadingNeuron(NamedTuple):
    """A neuron: its weights on a flat signal, (n_inputs,) float64, its bias, and the parameters of its membrane."""

    row: Array
    bias: float
    threshold: float
    v_init: float


def neurons_that_read(
    readers: Sequence[LayerNode], shape: Shape, count: int, rng: np.random.Generator
) -> list[ReadingNeuron]:
    """Return ``count`` neurons of the nodes with weights among ``readers``, drawn at random, each at most once.

    ``shape`` is that of the signal which all ``readers`` read.
    """
    weighted = [layer for layer in readers if isinstance(layer.operation, Weighted)]
    ends = np.cumsum([0, *(layer.n_neurons for layer in weighted)])
    drawn = rng.permutation(int(ends[-1]))[:count]
    found: dict[int, ReadingNeuron] = {}
    for layer, start, end in zip(weighted, ends, ends[1:], strict=False):
        own = drawn[(start <= drawn) & (drawn < end)]
        found |= dict(zip(own.tolist(), _neurons(layer, shape, own - start), strict=True))
    return [found[neuron] for neuron in drawn.tolist()]


def _neurons(layer: LayerNode, shape: Shape, neurons: Array) -> Iterator[ReadingNeuron]:
    operation = layer.operation
    assert isinstance(operation, Weighted)
    if not len(neurons):
        return
    channels, places = np.divmod(neurons, layer.n_neurons // operation.n_outputs)
    groups, rows = np.divmod(channels, operation.matrix.shape[1])
    index = np.arange(1, math.prod(shape) + 1, dtype=np.float64).reshape(1, 1, *shape)  # 0 is the padding
    read = np.array([patch[0, 0][groups, places] for patch in operation.patches(index)], np.int64).T - 1
    for channel, weights, at in zip(channels, operation.matrix[groups, rows], read, strict=True):
        row = np.zeros(index.size)
        row[at[at >= 0]] = weights[at >= 0]
        bias, θ, v_init = (
            float(np.ravel(value)[channel if np.ndim(value) else 0])
            for value in (0.0 if layer.bias is None else layer.bias, layer.neuron.threshold, layer.neuron.v_init)
        )
        yield ReadingNeuron(row, bias, θ, v_init)
