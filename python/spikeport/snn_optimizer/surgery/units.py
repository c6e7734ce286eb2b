"""Surgery on a graph: which layers may lose neurons, and the graph without them.

A layer of an operation that is not in `REWRITABLE` is passed by: no neuron of it, and none that feeds it, is touched.
What is done to a single layer is in a file of its own for each operation (`spikeport.snn_optimizer.surgery.linear`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.surgery.linear import take

Array = npt.NDArray[Any]

REWRITABLE: Final = ("linear",)


def is_rewritable(layer: LayerNode) -> bool:
    """Whether the passes know the layer's operation."""
    return layer.operation.kind in REWRITABLE


def hidden_pairs(graph: SNNGraph) -> list[tuple[int, LayerNode, LayerNode]]:
    """Return (index, layer, next layer) for every hidden layer that may lose neurons: never the output layer."""
    pairs = zip(range(len(graph) - 1), graph.layers, graph.layers[1:], strict=False)
    return [(k, layer, after) for k, layer, after in pairs if is_rewritable(layer) and is_rewritable(after)]


def keep_neurons(graph: SNNGraph, keep: Mapping[int, Array]) -> tuple[SNNGraph, dict[str, Array]]:
    """Return the graph with only the neurons ``keep[k]`` of each layer k, and their survivors by layer name."""
    layers = [take(layer, keep.get(k), keep.get(k - 1)) for k, layer in enumerate(graph.layers)]
    return SNNGraph(layers), {graph.layers[k].name: np.asarray(rows) for k, rows in keep.items()}


def replace_layer(graph: SNNGraph, index: int, *layers: LayerNode) -> SNNGraph:
    """Return the graph with the layer at ``index`` replaced by ``layers``."""
    return SNNGraph([*graph.layers[:index], *layers, *graph.layers[index + 1 :]])
