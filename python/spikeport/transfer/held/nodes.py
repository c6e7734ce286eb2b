"""The graph of a checkpoint that version 1 cannot hold: nodes with any operation, each naming what it reads.

The documented lists are views of it as well. Here an assignment fits at once or is refused: what the lists leave open,
operations, inputs and shapes, is given by the structure and does not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.neuron import Neuron
from spikeport.operations import OPERATIONS, WHOLE_WEIGHTS, Weighted
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.files.members import LayerArrays
from spikeport.transfer.files.version_2 import NodeStructure, Structure
from spikeport.transfer.held.chain import PARTS, as_array, checked_entry, entries
from spikeport.transfer.held.neurons import label_and_stored, neuron_of_label, neuron_rows

Array = npt.NDArray[Any]

TYPES: Final = {
    "weight": (np.float32, np.float64, *WHOLE_WEIGHTS),
    "bias": (np.float32, np.float64, np.int32),
}
CODES: Final = {
    "name": "sidecar_schema",
    "inputs": "layer_chain",
    "dtype": "dtype",
    "operation": "operation",
    "neuron_kind": "neuron",
    "not_whole": "neuron",
    "overflow": "neuron",
}
"""What a checkpoint says for the code of a graph that cannot be, where that is not ``shape``."""


@dataclass(frozen=True)
class NodeContent:
    """What a checkpoint has of one node: as `LayerContent`, with None for weights that its operation does not have."""

    name: str
    size: tuple[int, int]
    neuron_type: str
    weights: Array | None
    bias: Array | None
    neuron: Neuron | None
    width: int

    def arrays(self, *, finite: bool, version: int = 2) -> LayerArrays:
        """Return the arrays of this node's members; ``finite`` asks that no value is NaN or infinite."""
        for part, array in (("weight", self.weights), ("bias", self.bias)):
            if finite and array is not None and not np.isfinite(array).all():
                raise CheckpointError("non_finite", f"{self.name}: {part} holds NaN or infinity")
        rows = None if self.neuron is None else neuron_rows(self.neuron, self.width, version)
        return LayerArrays(self.weights, self.bias, rows)


def needed_structure(graph: SNNGraph) -> Structure | None:
    """Return the structure of a graph that version 1 cannot hold, None for one that it can."""
    one_spike = all(layer.neuron.max_spikes == 1 for layer in graph)
    fits = graph.is_linear_chain and one_spike and dtype_of(graph) != np.int32
    return None if fits else structure_of(graph)


def structure_of(graph: SNNGraph) -> Structure:
    """Return what a checkpoint says of a graph beside names, labels and arrays."""
    inputs = _inputs(graph)
    nodes = [
        NodeStructure(node.operation.kind, inputs[node.name], node.shape or (), dict(node.operation.attributes()))
        for node in graph
    ]
    return Structure(graph.input_shape, tuple(nodes))


class HeldNodes:
    """One `SNNGraph` that is no chain of linear layers, read and changed by the lists of a checkpoint."""

    def __init__(self, structure: Structure, **lists: Any) -> None:
        n = len(structure.nodes)
        names = entries("layer_names", lists["layer_names"], n)
        neurons = entries("neurons", lists["neurons"], n)
        labels = lists["neuron_types"]
        if labels is None:
            labels = ["LIF" if neuron is None else label_and_stored(neuron)[0] for neuron in neurons]
        given = {**lists, "layer_names": names, "neurons": neurons, "neuron_types": labels}
        sizes = lists["layer_sizes"]
        columns = {PARTS[field]: entries(field, values, n) for field, values in given.items() if field != "layer_sizes"}
        nodes = [_node(structure.nodes[k], {part: column[k] for part, column in columns.items()}) for k in range(n)]
        self.graph = as_graph(nodes, structure.input_shape)
        if sizes is not None:
            self.assign("layer_sizes", sizes)

    @classmethod
    def of(cls, nodes: list[LayerNode], input_shape: tuple[int, ...]) -> HeldNodes:
        """Return what holds these nodes, arrays not copied."""
        held = cls.__new__(cls)
        held.graph = as_graph(nodes, input_shape)
        return held

    @property
    def structure(self) -> Structure:
        """Operations, inputs and shapes of the graph as it now is."""
        return structure_of(self.graph)

    def layers(self) -> list[NodeContent]:
        """Return what there is of every node."""
        return [_content(node) for node in self.graph]

    def read(self, field: str) -> list[Any]:
        """Return one of the checkpoint's lists as it now is."""
        return [getattr(layer, PARTS[field]) for layer in self.layers()]

    def assign(self, field: str, values: Any) -> None:
        """Take ``values`` for one of the checkpoint's lists, or raise `CheckpointError` and change nothing."""
        part, before = PARTS[field], self.layers()
        given = entries(field, values, len(before))
        if part == "size":
            if [tuple(size) for size in given] != [layer.size for layer in before]:
                raise CheckpointError("shape", "layer_sizes of a graph are those of its shapes: build another graph")
            return
        inputs = _inputs(self.graph)
        renamed = dict(zip(inputs, given, strict=True)) if part == "name" else {}
        nodes = []
        for node, old, value in zip(self.graph, self.structure.nodes, given, strict=True):
            sources = tuple(renamed.get(source, source) for source in inputs[node.name])
            now = {name: getattr(_content(node), name) for name in PARTS.values() if name != "size"}
            changed = NodeStructure(old.operation, sources, old.shape, old.attributes)
            nodes.append(_node(changed, now | _with_label(part, value, now)))
        fresh = as_graph(nodes, self.graph.input_shape)
        for node, new in zip(self.graph, fresh, strict=True):
            node.name, node.operation, node.neuron, node.inputs = new.name, new.operation, new.neuron, new.inputs
        self.graph.validate()

    def settle(self) -> None:
        """Do nothing: no part waits for another."""


def _inputs(graph: SNNGraph) -> dict[str, tuple[str, ...]]:
    return {layer.name: graph.reads(k) for k, layer in enumerate(graph)}


def _with_label(part: str, value: Any, now: dict[str, Any]) -> dict[str, Any]:
    """Return the part that changes; a label follows its neuron."""
    if part == "neuron" and value is not None:
        return {"neuron": value, "neuron_type": getattr(value, "kind", now["neuron_type"])}
    return {part: value}


def _node(structure: NodeStructure, parts: dict[str, Any]) -> LayerNode:
    """Return a node of these parts, arrays copied, or raise `CheckpointError` where they do not fit together."""
    name = checked_entry("layer_names", "a layer", parts["name"])
    label = checked_entry("neuron_types", name, parts["neuron_type"])
    stored = checked_entry("neurons", name, parts["neuron"])
    if stored is not None and stored.kind != label:
        raise CheckpointError("neuron", f"{name}: a neuron of kind {stored.kind} is labelled {label}")
    arrays = {}
    for part, key in (("weights", "weight"), ("bias", "bias")):
        if parts[part] is not None:
            arrays[key] = as_array(f"{name}: {key}", parts[part], TYPES[key]).copy()
    weighted = issubclass(OPERATIONS[structure.operation], Weighted)
    if weighted != ("weight" in arrays) or (not weighted and arrays):
        what = "needs a weight" if weighted else "has neither weight nor bias"
        raise CheckpointError("shape", f"{name}: the operation {structure.operation} {what}")
    try:
        return LayerNode.of(name, structure.build(arrays), stored or neuron_of_label(label), structure.inputs)
    except GraphError as error:
        raise CheckpointError("dtype" if error.code == "dtype" else "shape", f"{name}: {error}") from None


def as_graph(nodes: list[LayerNode], input_shape: tuple[int, ...] | None) -> SNNGraph:
    """Return the graph of these nodes, or raise `CheckpointError` where they do not fit each other."""
    try:
        return SNNGraph(nodes, input_shape)
    except GraphError as error:
        raise CheckpointError(CODES.get(error.code, "shape"), str(error)) from None


def _content(node: LayerNode) -> NodeContent:
    label, stored = label_and_stored(node.neuron)
    arrays = node.operation.arrays()
    return NodeContent(
        name=node.name,
        size=(node.n_inputs, node.n_neurons),
        neuron_type=label,
        weights=arrays.get("weight"),
        bias=arrays.get("bias"),
        neuron=stored,
        width=(node.shape or (0,))[0],
    )
