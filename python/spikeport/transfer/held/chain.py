"""The graph that a checkpoint holds, and what was assigned to the checkpoint but does not fit the graph yet.

A checkpoint's lists are changed one at a time: new weights of another width come before the new bias, or after it. A
part that does not fit its layer is put aside until the other parts have followed; then all go into the graph together.
Nothing is lost on the way: what was put aside is what the checkpoint's lists show, and what saving refuses.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_whole
from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.operations import Linear
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.files.fields import LARGEST_WIDTH
from spikeport.transfer.files.members import LayerArrays
from spikeport.transfer.held.neurons import LabelOnly, label_and_stored, neuron_of_label, neuron_rows

Array = npt.NDArray[Any]

PARTS: Final = {
    "layer_names": "name",
    "layer_sizes": "size",
    "neuron_types": "neuron_type",
    "weights": "weights",
    "biases": "bias",
    "neurons": "neuron",
}
"""The lists of a checkpoint, and what an entry of each is called in `LayerContent`."""


@dataclass(frozen=True)
class LayerContent:
    """What a checkpoint has of one layer.

    Attributes
    ----------
    name : of the layer
    size : (in, out)
    neuron_type : the label
    weights : shape (out, in)
    bias : shape (out,), or None
    neuron : the neuron that is stored, or None where only the label is known
    """

    name: str
    size: tuple[int, int]
    neuron_type: str
    weights: Array
    bias: Array | None
    neuron: Neuron | None

    def arrays(self, *, finite: bool, version: int = 1) -> LayerArrays:
        """Return the arrays of this layer's members, or raise `CheckpointError` where the parts do not fit together.

        ``finite`` also asks that no value is NaN or infinite; ``version`` is that of the file.
        """
        n_in, n_out = self.size
        weight = _fitting(
            f"{self.name}: weight",
            self.weights,
            (n_out, n_in),
            f"layer_sizes says (in, out) = {self.size}: give weights of shape {(n_out, n_in)}, or another size",
            finite,
        )
        bias = None
        if self.bias is not None:
            bias = _fitting(
                f"{self.name}: bias",
                self.bias,
                (n_out,),
                f"the layer has {n_out} outputs: give a bias of as many values, or None",
                finite,
            )
            if bias.dtype != weight.dtype:
                raise CheckpointError(
                    "dtype", f"{self.name}: bias is {bias.dtype}, weight {weight.dtype}: give both the same"
                )
        if self.neuron is None:
            return LayerArrays(weight=weight, bias=bias)
        if self.neuron.kind != self.neuron_type:
            raise CheckpointError(
                "neuron", f"{self.name}: a neuron of kind {self.neuron.kind} is labelled {self.neuron_type}"
            )
        try:
            return LayerArrays(weight=weight, bias=bias, neuron=neuron_rows(self.neuron, n_out, version))
        except GraphError as error:
            raise CheckpointError("neuron", f"{self.name}: {error}") from None


class HeldGraph:
    """One `SNNGraph`, read and changed by the lists of a checkpoint.

    Attributes
    ----------
    graph : its layers each hold together; whether they chain and share a type is asked where they are used or saved
    aside : for each layer that has any (by index), the parts that do not fit it yet
    """

    def __init__(self, **lists: Any) -> None:
        names = entries("layer_names", lists["layer_names"])
        neurons = entries("neurons", lists["neurons"], len(names))
        labels = lists["neuron_types"]
        if labels is None or (isinstance(labels, list | tuple | np.ndarray) and np.size(labels) == 0):
            labels = [label_and_stored(neuron)[0] if isinstance(neuron, Neuron) else "LIF" for neuron in neurons]
        lists["neuron_types"] = labels
        columns = {field: entries(field, values, len(names)) for field, values in lists.items()}
        layers = [
            LayerContent(**{PARTS[field]: checked_entry(field, name, column[k]) for field, column in columns.items()})
            for k, name in enumerate(names)
        ]
        for layer in layers:
            layer.arrays(finite=False)
        self._hold([_node(layer) for layer in layers])

    @classmethod
    def of(cls, nodes: list[LayerNode]) -> HeldGraph:
        """Return what holds these linear layers, arrays not copied."""
        held = cls.__new__(cls)
        held._hold(nodes)
        return held

    def _hold(self, nodes: list[LayerNode]) -> None:
        self.graph = SNNGraph(nodes[:1])
        self.graph.layers += nodes[1:]
        self.aside: dict[int, dict[str, Any]] = {}

    structure: Final = None
    """None: a chain of linear layers is known by its arrays."""

    def layers(self) -> list[LayerContent]:
        """Return what there is of every layer, parts put aside among it."""
        if not all(node.is_linear and not node.inputs for node in self.graph.layers):
            raise CheckpointError(
                "layer_chain", "the graph is no chain of linear layers any more: make another checkpoint, with_graph(…)"
            )
        return [self._layer(index) for index in range(len(self.graph.layers))]

    def read(self, field: str) -> list[Any]:
        """Return one of the checkpoint's lists as it now is."""
        return [getattr(layer, PARTS[field]) for layer in self.layers()]

    def assign(self, field: str, values: Any) -> None:
        """Take ``values`` for one of the checkpoint's lists, or raise `CheckpointError` and change nothing."""
        before = self.layers()
        given = entries(field, values, len(before))
        part = PARTS[field]
        changed = {
            index: checked_entry(field, layer.name, value)
            for index, (layer, value) in enumerate(zip(before, given, strict=True))
            if value is not getattr(layer, part)
        }
        for index, value in changed.items():
            self._put(index, part, value.copy() if isinstance(value, np.ndarray) else value)

    def settle(self) -> None:
        """Take what was put aside into the graph, or raise `CheckpointError` where it still does not fit."""
        for index in sorted(self.aside):
            self._settle(index)

    def _layer(self, index: int) -> LayerContent:
        node, aside = self.graph.layers[index], self.aside.get(index, {})
        label, stored = label_and_stored(node.neuron)
        weights = aside.get("weights", node.weights)
        neuron = aside.get("neuron", stored)
        n_out, n_in = np.shape(weights) if np.ndim(weights) == 2 else (node.n_neurons, node.n_inputs)
        return LayerContent(
            name=node.name,
            size=aside.get("size", (n_in, n_out)),
            neuron_type=aside.get("neuron_type", label if neuron is None else neuron.kind),
            weights=weights,
            bias=aside.get("bias", node.bias),
            neuron=neuron,
        )

    def _put(self, index: int, part: str, value: Any) -> None:
        if part == "name":
            self.graph.layers[index].name = value
            return
        self.aside.setdefault(index, {})[part] = value
        with contextlib.suppress(CheckpointError):  # it waits for the other parts
            self._settle(index)

    def _settle(self, index: int) -> None:
        node, layer = self.graph.layers[index], self._layer(index)
        layer.arrays(finite=False)
        del self.aside[index]
        if np.shape(layer.weights) != (node.n_neurons, node.n_inputs):
            self.graph.layers[index] = _node(layer)
            return
        if layer.weights is not node.weights or layer.bias is not node.bias:
            node.bias = None  # so that neither of the two is compared with what the other was before
            node.weights = layer.weights
            node.bias = layer.bias
        if layer.neuron is None or layer.neuron is not node.neuron:
            node.neuron = layer.neuron or neuron_of_label(layer.neuron_type)


def entries(field: str, values: Any, n: int | None = None) -> list[Any]:
    """Return what is given for one of a checkpoint's lists, or raise `CheckpointError` unless it is a list of ``n``.

    ``n`` is the number of layers, or None for any but 0.
    """
    if values is None and field in ("biases", "neurons"):
        return [None] * (n or 0)
    if not isinstance(values, list | tuple | np.ndarray) or (isinstance(values, np.ndarray) and values.ndim == 0):
        raise CheckpointError("sidecar_schema", f"{field} must be a list, not a {type(values).__name__}")
    if n is None and not len(values):
        raise CheckpointError("sidecar_schema", f"{field} is empty: a checkpoint needs at least one layer")
    if n is not None and len(values) != n:
        raise CheckpointError(
            "sidecar_schema",
            f"{field} has {len(values)} entries for {n} layers: give one for each; for other layers make another "
            "checkpoint, with SNNCheckpoint(…), or with_graph(…) of this one",
        )
    return list(values)


def checked_entry(field: str, layer: str, value: Any) -> Any:
    """Return an entry of one of a checkpoint's lists as it is held, or raise `CheckpointError`."""
    if field == "weights":
        return _array(f"{layer}: weight", value, "(out, in)", ndim=2)
    if field == "biases":
        return None if value is None else _array(f"{layer}: bias", value, "(out,)", ndim=1)
    if field == "neurons":
        if not isinstance(value, Neuron | None):
            raise CheckpointError("neuron", f"{layer}: {value!r} is no Neuron: give one, or None for a label alone")
        return None if isinstance(value, LabelOnly) else value
    if field == "layer_sizes":
        return _size(layer, value)
    if not isinstance(value, str) or not value:
        raise CheckpointError("sidecar_schema", f"{field} must hold texts that are not empty, not {value!r}")
    return str(value)


def _node(layer: LayerContent) -> LayerNode:
    """Return a layer for the graph. Values are looked at when the checkpoint is saved, so NaN may stand in it."""
    bias = None if layer.bias is None else layer.bias.copy()
    neuron = layer.neuron or neuron_of_label(layer.neuron_type)
    return LayerNode.of(layer.name, Linear(layer.weights.copy(), bias), neuron)


def as_array(place: str, values: Any, types: tuple[type, ...] = (np.float32, np.float64)) -> Array:
    """Return ``values`` as an array of one of ``types`` in this machine's byte order, row by row."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise CheckpointError("shape", f"{place} is ragged: give an array of numbers") from None
    return np.asarray(array, _native_type(place, array, types), order="C")


def _array(place: str, values: Any, shape: str, *, ndim: int) -> Array:
    array = as_array(place, values)
    if array.ndim != ndim or array.size == 0:
        raise CheckpointError("shape", f"{place} has shape {array.shape}: give {shape}")
    return array


def _native_type(place: str, array: Array, types: tuple[type, ...] = (np.float32, np.float64)) -> np.dtype[Any]:
    if array.dtype.kind == "O":
        raise CheckpointError("pickle", f"{place} holds Python objects: give an array of float32 or float64")
    native: np.dtype[Any] = array.dtype.newbyteorder("=")
    if native not in types:
        raise CheckpointError("dtype", f"{place} has dtype {array.dtype}: convert it with .astype(np.float32)")
    return native


def _fitting(place: str, values: Any, shape: tuple[int, ...], expected: str, finite: bool) -> Array:
    array = np.asarray(values)
    _native_type(place, array)
    if array.shape != shape:
        raise CheckpointError("shape", f"{place} has shape {array.shape}, and {expected}")
    if finite and not np.isfinite(array).all():
        raise CheckpointError("non_finite", f"{place} holds NaN or infinity")
    return array


def _size(layer: str, size: Any) -> tuple[int, int]:
    pair = list(size) if isinstance(size, list | tuple | np.ndarray) else []
    if len(pair) != 2 or not all(is_whole(n) and 1 <= n <= LARGEST_WIDTH for n in pair):
        raise CheckpointError(
            "sidecar_schema",
            f"layer_sizes of {layer} must be (in, out), whole numbers from 1 to 2^31 - 1, not {size!r}",
        )
    return int(pair[0]), int(pair[1])
