"""A rewrite: the graph that a pass made, what became of its neurons, and what that did to the answer.

Layers are never changed in place. Layers that a rewrite leaves alone are shared with the graph before it;
`spikeport.snn_optimizer.optimize` copies what is still shared before it hands a graph out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import LayerNode, SNNGraph

Array = npt.NDArray[Any]

SILENT: Final = -1
CONSTANT: Final = -2


@dataclass(frozen=True)
class Rewrite:
    """What a pass made of a graph.

    A layer of four neurons, of which neuron 1 is silent and neuron 3 equals neuron 0, keeps neurons 0 and 2. Its
    ``survivors`` are ``[0, 2]``: where each neuron that is left stood before. Its ``speakers`` are
    ``[0, SILENT, 1, 0]``: for each neuron as it was before, which neuron of the new layer sends what it would send.

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
    weight_bits : layers whose weights now lie on a grid, and the bits of a weight on it
    recomputed : names of layers with weights that were computed anew (sums, products, weights that make up for others),
        so that a grid they lay on may be lost; weights that were only removed, set to 0 or scaled by a power of two
        stay on their grid
    """

    graph: SNNGraph
    certificate: Certificate
    survivors: Mapping[str, Array] = field(default_factory=dict)
    speakers: Mapping[str, Array] = field(default_factory=dict)
    changed: bool = True
    layers_fused: int = 0
    weight_bits: Mapping[str, int] = field(default_factory=dict)
    recomputed: Collection[str] = ()


def unchanged(graph: SNNGraph, reason: str) -> Rewrite:
    """Return the rewrite that found nothing to do."""
    return Rewrite(graph, Certificate("exact", f"nothing changed: {reason}"), changed=False)


def detach(graph: SNNGraph, source: SNNGraph) -> SNNGraph:
    """Return the graph with a copy of every layer that is one of ``source``, or shares memory with one."""
    owned = [array for layer in source for array in layer.operation.arrays().values()]

    def shares(layer: LayerNode) -> bool:
        if any(layer is theirs for theirs in source):
            return True
        arrays = layer.operation.arrays().values()
        return any(np.may_share_memory(mine, theirs) for mine in arrays for theirs in owned)

    layers = [layer.copy() if shares(layer) else layer for layer in graph]
    return SNNGraph(layers, graph.input_shape)
