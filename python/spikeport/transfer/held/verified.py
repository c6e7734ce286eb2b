"""What the codec in Rust has read and checked, and the graph of it, which is built when somebody first asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from spikeport.graph import LayerNode
from spikeport.kernels import INPUT
from spikeport.transfer.files.version_2 import NodeStructure
from spikeport.transfer.held.chain import HeldGraph
from spikeport.transfer.held.neurons import neuron_from_rows, neuron_of_label
from spikeport.transfer.held.nodes import HeldNodes

Array = npt.NDArray[Any]
Layer = tuple[str, str, str, dict[str, Any], tuple[int, ...], tuple[int, ...], Array | None, Array | None, Array | None]


@dataclass(frozen=True)
class Verified:
    """The layers of two files that were found good.

    Attributes
    ----------
    input_shape : of one sample
    layers : of each the name, label, operation, its attributes, indices of what it reads (-1: the input), shape,
        weight, bias, and the eight rows of its neuron
    """

    input_shape: tuple[int, ...]
    layers: list[Layer]

    def held(self) -> HeldGraph | HeldNodes:
        """Return the graph that a checkpoint of this content holds."""
        if self._is_version_1():
            return HeldGraph.of([self._node(layer, ()) for layer in self.layers])
        names = [layer[0] for layer in self.layers] + [INPUT]  # so that -1 is the input
        nodes = [self._node(layer, tuple(names[k] for k in layer[4])) for layer in self.layers]
        return HeldNodes.of(nodes, self.input_shape)

    def _is_version_1(self) -> bool:
        """Whether it is a chain of linear layers of floats, of one spike a step."""
        return len(self.input_shape) == 1 and all(
            operation == "linear"
            and inputs == (k - 1,)
            and (weight is None or weight.dtype.kind == "f")
            and (rows is None or rows[-1, 0] == 1)
            for k, (_, _, operation, _, inputs, _, weight, _, rows) in enumerate(self.layers)
        )

    @staticmethod
    def _node(layer: Layer, inputs: tuple[str, ...]) -> LayerNode:
        name, label, operation, attributes, _, shape, weight, bias, rows = layer
        arrays = {part: array for part, array in (("weight", weight), ("bias", bias)) if array is not None}
        neuron = neuron_of_label(label) if rows is None else neuron_from_rows(label, rows)
        built = NodeStructure(operation, inputs, shape, attributes).build(arrays)
        return LayerNode.of(name, built, neuron, inputs)
