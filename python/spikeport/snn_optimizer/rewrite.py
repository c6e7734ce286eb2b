"""A rewrite: a graph, what became of its neurons, and what that did to the answer; and the surgery that makes one.

This module and `spikeport.snn_optimizer.bounds` are the only ones that know what a layer's operation is. A layer of an
operation that is not in `REWRITABLE` is passed by: no neuron of it, and none that feeds it, is touched. A new operation
needs its case in `take`, and in `bounds.drive_bounds`; nothing else.

Layers are never changed in place. Layers that a rewrite leaves alone are shared with the graph before it;
`spikeport.snn_optimizer.optimize` copies what is still shared before it hands a graph out.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]

REWRITABLE: Final = ("linear",)
SILENT: Final = -1
CONSTANT: Final = -2
ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Rewrite:
    """What a pass made of a graph.

    Attributes
    ----------
    graph : the graph after the pass
    certificate : what the pass did to the answer
    survivors : for every layer that lost neurons, the indices (in the layer of that name before) of those left
    speakers : for every neuron of such a layer, who speaks for it now: the index of a neuron after, `SILENT`, or
        `CONSTANT` (it fired at every step); where a layer is not named, survivors speak for themselves and the
        others are silent
    changed : whether the pass did anything at all
    layers_fused : how many layers were multiplied into the next one
    weight_bits : layers whose weights now lie on a grid of so many bits a weight
    """

    graph: SNNGraph
    certificate: Certificate
    survivors: Mapping[str, Array] = field(default_factory=dict)
    speakers: Mapping[str, Array] = field(default_factory=dict)
    changed: bool = True
    layers_fused: int = 0
    weight_bits: Mapping[str, int] = field(default_factory=dict)


def unchanged(graph: SNNGraph, reason: str) -> Rewrite:
    """Return the rewrite that found nothing to do."""
    return Rewrite(graph, Certificate("exact", f"nothing changed: {reason}"), changed=False)


def is_rewritable(layer: LayerNode) -> bool:
    """Whether the passes know the layer's operation."""
    return layer.operation in REWRITABLE


def hidden_pairs(graph: SNNGraph) -> list[tuple[int, LayerNode, LayerNode]]:
    """Return (index, layer, next layer) for every hidden layer that may lose neurons: never the output layer."""
    pairs = zip(range(len(graph) - 1), graph.layers, graph.layers[1:], strict=False)
    return [(k, layer, after) for k, layer, after in pairs if is_rewritable(layer) and is_rewritable(after)]


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
        new.n_neurons, new.n_inputs = weights.shape
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


def keep_neurons(graph: SNNGraph, keep: Mapping[int, Array]) -> tuple[SNNGraph, dict[str, Array]]:
    """Return the graph with only the neurons ``keep[k]`` of each layer k, and their survivors by layer name."""
    layers = [take(layer, keep.get(k), keep.get(k - 1)) for k, layer in enumerate(graph.layers)]
    return SNNGraph(layers), {graph.layers[k].name: np.asarray(rows) for k, rows in keep.items()}


def replace_layer(graph: SNNGraph, index: int, *layers: LayerNode) -> SNNGraph:
    """Return the graph with the layer at ``index`` replaced by ``layers``."""
    return SNNGraph([*graph.layers[:index], *layers, *graph.layers[index + 1 :]])


def add_to_bias(layer: LayerNode, values: Array) -> Array | None:
    """Return the layer's bias plus ``values`` in the layer's dtype; None where it had none and nothing is added."""
    if layer.bias is None and not values.any():
        return None
    bias = np.zeros(layer.n_neurons, layer.weights.dtype) if layer.bias is None else layer.bias
    return np.asarray(bias + values.astype(layer.weights.dtype))


def detach(graph: SNNGraph, source: SNNGraph) -> SNNGraph:
    """Return the graph with a copy of every layer that shares memory with ``source``."""
    owned = [array for layer in source for array in (layer.weights, layer.bias) if array is not None]

    def shares(layer: LayerNode) -> bool:
        arrays = [array for array in (layer.weights, layer.bias) if array is not None]
        return any(np.may_share_memory(mine, theirs) for mine in arrays for theirs in owned)

    return SNNGraph([layer.copy() if shares(layer) else layer for layer in graph])
