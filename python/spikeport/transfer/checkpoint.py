"""`SNNCheckpoint`: a spiking network with what is needed to use it again, a view of the one graph that it holds."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from spikeport.graph import SNNGraph
from spikeport.neuron import KINDS, Neuron
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.files import version_1
from spikeport.transfer.files.members import LayerArrays
from spikeport.transfer.files.sidecar import FORMAT, Sidecar, check_sidecar
from spikeport.transfer.files.version_2 import Structure
from spikeport.transfer.held.chain import PARTS, HeldGraph
from spikeport.transfer.held.neurons import LabelOnly, label_and_stored, neuron_from_rows
from spikeport.transfer.held.nodes import HeldNodes, as_graph, needed_structure, structure_of
from spikeport.transfer.held.verified import Verified
from spikeport.transfer.held.views import LayerList

Array = npt.NDArray[Any]
Entry = TypeVar("Entry")


class PerLayer(Generic[Entry]):
    """A field of `SNNCheckpoint` that has one entry for each layer: a view of the held graph."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.field = name

    @overload
    def __get__(self, checkpoint: None, owner: type) -> PerLayer[Entry]: ...

    @overload
    def __get__(self, checkpoint: SNNCheckpoint, owner: type) -> list[Entry]: ...

    def __get__(self, checkpoint: SNNCheckpoint | None, owner: type) -> PerLayer[Entry] | list[Entry]:
        return self if checkpoint is None else LayerList(checkpoint.held, self.field)

    def __set__(self, checkpoint: SNNCheckpoint, values: Sequence[Any] | None) -> None:
        checkpoint.held.assign(self.field, values)


class StructureOf:
    """The field of `SNNCheckpoint` that says what reads what, as the held graph has it."""

    def __get__(self, checkpoint: SNNCheckpoint | None, owner: type) -> Structure | None:
        return None if checkpoint is None else checkpoint._structure()

    def __set__(self, checkpoint: SNNCheckpoint, structure: Structure | None) -> None:
        raise CheckpointError("sidecar_schema", "a checkpoint's structure is given once: make another, with_graph(…)")


@dataclass(init=False, eq=False, repr=False)
class SNNCheckpoint:
    """A spiking network at rest: weights, biases, neurons, names, frozen layers and metadata.

    A checkpoint holds one `SNNGraph` (`graph`), and the lists below are views of it. What is assigned to a list, or to
    an entry of it, or written into an array, reaches the graph and the saved file. The order of assignments is free:
    a part that does not fit its layer yet, such as weights with another number of outputs than the bias, waits until
    the others have followed. `save_checkpoint`, `graph` and `to_graph` refuse a checkpoint with a part that waits. A
    layer's size follows its weights unless it is assigned itself, its label follows its neuron in the same way.

    Parameters
    ----------
    weights : one array of shape (out, in) for each layer, float32 or float64, copied; with ``structure`` int8 or int16
        too, with biases of int32: an integer network
    layer_names : unique, input side first
    layer_sizes : (in, out) for each layer
    neuron_types : a label for each layer, by default "LIF"; a network runs where every label is a kind of `Neuron`
    metadata : anything that JSON holds unchanged
    frozen_layers : names of layers that fine-tuning leaves alone
    biases : one array of shape (out,) or None for each layer, copied; None for no biases at all
    neurons : one `Neuron` or None for each layer; None where only labels are known
    structure : None for a chain of linear layers, as documented. Else what `SNNCheckpoint.from_graph` fills in for any
        graph: input shape, and for each node its operation, what it reads, and its shape. A node without weights has
        None in ``weights``; layer_sizes are how many values a node reads and passes on. Here an assignment that does
        not fit is refused at once

    Raises
    ------
    CheckpointError
        ``sidecar_schema`` where the lists differ in length or hold something else; ``pickle``, ``dtype``, ``shape`` for
        arrays that are not float32 or float64 or not of the layer's size; ``neuron`` for neurons that do not fit. An
        assignment raises the same, and changes nothing then. Names, frozen layers, metadata, and whether layers chain
        and values are finite, are checked by `save_checkpoint` and `validate`.
    """

    weights: PerLayer[Array] = PerLayer()
    layer_names: PerLayer[str] = PerLayer()
    layer_sizes: PerLayer[tuple[int, int]] = PerLayer()
    neuron_types: PerLayer[str] = PerLayer()
    metadata: dict[str, Any] = field(default_factory=dict)
    frozen_layers: list[str] = field(default_factory=list)
    biases: PerLayer[Array | None] = PerLayer()
    neurons: PerLayer[Neuron | None] = PerLayer()
    structure: StructureOf = StructureOf()

    def __init__(
        self,
        weights: Sequence[npt.ArrayLike | None],
        layer_names: Sequence[str],
        layer_sizes: Sequence[tuple[int, int]],
        neuron_types: Sequence[str] | None = None,
        metadata: dict[str, Any] | None = None,
        frozen_layers: Sequence[str] | None = None,
        *,
        biases: Sequence[npt.ArrayLike | None] | None = None,
        neurons: Sequence[Neuron | None] | None = None,
        structure: Structure | None = None,
    ) -> None:
        lists = {
            "layer_names": layer_names,
            "layer_sizes": layer_sizes,
            "neuron_types": neuron_types,
            "weights": weights,
            "biases": biases,
            "neurons": neurons,
        }
        self.held = HeldGraph(**lists) if structure is None else HeldNodes(structure, **lists)
        self.metadata = _copy(metadata, {})
        self.frozen_layers = _copy(frozen_layers, [])

    @classmethod
    def of_verified(cls, content: Verified, metadata: dict[str, Any], frozen_layers: list[str]) -> SNNCheckpoint:
        """Return the checkpoint of files that were found good; its graph is built when it is first asked for."""
        checkpoint = cls.__new__(cls)
        vars(checkpoint)["_verified"] = content
        checkpoint.metadata, checkpoint.frozen_layers = metadata, frozen_layers
        return checkpoint

    @cached_property
    def held(self) -> HeldGraph | HeldNodes:
        """The graph and the parts that wait, behind all lists."""
        content: Verified = vars(self)["_verified"]
        return content.held()

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.held.graph.layers)

    @property
    def total_params(self) -> int:
        """Number of weights and biases."""
        arrays = (array for layer in self.held.layers() for array in (layer.weights, layer.bias))
        return sum(int(np.size(array)) for array in arrays if array is not None)

    @property
    def graph(self) -> SNNGraph:
        """The graph that the checkpoint holds, not a copy: what is changed in it is changed here too.

        Raises `CheckpointError` where an assigned part waits for another (see above), and ``neuron`` for a label that
        is no kind of `Neuron`.
        """
        self.held.settle()
        self._check_labels()
        return self.held.graph

    @classmethod
    def from_graph(
        cls, graph: SNNGraph, metadata: dict[str, Any] | None = None, frozen_layers: Sequence[str] = ()
    ) -> SNNCheckpoint:
        """Return the checkpoint of ``graph``; arrays are copied."""
        graph.validate()
        labelled = [label_and_stored(layer.neuron) for layer in graph]
        return cls(
            weights=[layer.operation.arrays().get("weight") for layer in graph],
            layer_names=[layer.name for layer in graph],
            layer_sizes=[(layer.n_inputs, layer.n_neurons) for layer in graph],
            neuron_types=[label for label, _ in labelled],
            metadata=metadata,
            frozen_layers=frozen_layers,
            biases=[layer.bias for layer in graph],
            neurons=[stored for _, stored in labelled],
            structure=needed_structure(graph),
        )

    def with_graph(self, graph: SNNGraph) -> SNNCheckpoint:
        """Return the checkpoint of another graph, with this one's metadata and those frozen layers that it still has.

        Arrays are copied, and this checkpoint stays as it is.
        """
        names = {layer.name for layer in graph}
        return self.from_graph(graph, self.metadata, [name for name in self.frozen_layers if name in names])

    def to_graph(self) -> SNNGraph:
        """Return a network of its own that runs; a layer without a stored neuron gets its label's kind, by default.

        Raises `CheckpointError` as `save_checkpoint` would, and ``neuron`` for a label that is no kind of `Neuron`.
        """
        self.validate()
        self._check_labels()
        graph = self.held.graph.copy()
        for layer in graph:
            if isinstance(layer.neuron, LabelOnly):
                layer.neuron = Neuron(layer.neuron_type)
        return SNNGraph(graph.layers, graph.input_shape)

    def validate(self) -> None:
        """Raise `CheckpointError` unless `save_checkpoint` would write this checkpoint."""
        self.parts()

    def parts(self) -> tuple[Sidecar, list[LayerArrays]]:
        """Return the checked content of the two files; the sidecar's digest is still zero."""
        layers, structure = self.held.layers(), self._structure()
        names = [layer.name for layer in layers]
        if not isinstance(self.frozen_layers, list | tuple | np.ndarray):
            raise CheckpointError(
                "sidecar_schema", f"frozen_layers must be a list, not a {type(self.frozen_layers).__name__}"
            )
        raw = {
            "archive": {"bytes": 0, "sha256": "0" * 64},
            "format": FORMAT,
            "frozen_layers": [name for name in names if name in self.frozen_layers],
            "metadata": self.metadata,
            "total_params": self.total_params,
            "version": 1 if structure is None else 2,
        }
        kinds = [layer.neuron_type for layer in layers]
        if structure is None:
            raw |= version_1.fields_of(names, [layer.size for layer in layers], kinds)
        else:
            raw |= {"input_shape": list(structure.input_shape), "nodes": structure.fields(names, kinds)}
        unknown = [name for name in self.frozen_layers if name not in names]
        if unknown:
            raise CheckpointError("sidecar_schema", f"frozen_layers names no layer: {', '.join(map(str, unknown))}")
        sidecar = check_sidecar(raw, "checkpoint")
        _check_version(sidecar, [layer.neuron for layer in layers], [layer.weights for layer in layers])
        return sidecar, [layer.arrays(finite=True, version=sidecar.version) for layer in layers]

    def __eq__(self, other: object) -> bool:
        """Compare all fields: arrays by type and values, frozen layers in any order, no biases as all None."""
        if not isinstance(other, SNNCheckpoint):
            return NotImplemented
        return (
            self.metadata == other.metadata
            and set(self.frozen_layers) == set(other.frozen_layers)
            and self.structure == other.structure
            and all(getattr(self, name) == getattr(other, name) for name in PARTS)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        layers = ", ".join(f"{layer.name} {layer.size}" for layer in self.held.layers())
        frozen = f", frozen: {', '.join(self.frozen_layers)}" if self.frozen_layers else ""
        return f"<SNNCheckpoint {layers}: {self.total_params:,} parameters{frozen}>"

    def _structure(self) -> Structure | None:
        """Return the structure of the graph as it now is, None where version 1 can hold it.

        A chain of linear layers has one while a neuron of it sends several spikes in a step.
        """
        held = self.held
        if isinstance(held, HeldNodes):
            return needed_structure(held.graph)
        several = any(node.neuron.max_spikes > 1 for node in held.graph.layers)
        return structure_of(as_graph(held.graph.layers, None)) if several else None

    def _check_labels(self) -> None:
        for node in self.held.graph:
            if isinstance(node.neuron, LabelOnly) and not node.neuron.known:
                raise CheckpointError(
                    "neuron", f"{node.name}: no neuron is called {node.neuron.label!r}: there are {', '.join(KINDS)}"
                )


def from_parts(sidecar: Sidecar, layers: Sequence[LayerArrays]) -> SNNCheckpoint:
    """Return the checkpoint that two checked files hold."""
    total = sum(layer.n_params for layer in layers)
    if total != sidecar.total_params:
        raise CheckpointError("shape", f"total_params says {sidecar.total_params:,}, the archive holds {total:,}")
    kinds = sidecar.neuron_types
    neurons = [
        None if a.neuron is None else neuron_from_rows(kind, a.neuron) for kind, a in zip(kinds, layers, strict=True)
    ]
    _check_version(sidecar, neurons, [layer.weight for layer in layers])
    return SNNCheckpoint(
        weights=[layer.weight for layer in layers],
        layer_names=sidecar.layer_names,
        layer_sizes=sidecar.layer_sizes,
        neuron_types=kinds,
        metadata=sidecar.metadata,
        frozen_layers=sidecar.frozen_layers,
        biases=[layer.bias for layer in layers],
        neurons=neurons,
        structure=sidecar.structure,
    )


def _check_version(sidecar: Sidecar, neurons: Sequence[Neuron | None], weights: Sequence[Array | None]) -> None:
    """Raise `CheckpointError` ``version`` for what is said in version 2 and could be in version 1."""
    if sidecar.structure is None or not sidecar.structure.is_linear_chain(sidecar.layer_names):
        return
    of_floats = all(weight is None or weight.dtype.kind == "f" for weight in weights)
    if of_floats and all(neuron is None or neuron.max_spikes == 1 for neuron in neurons):
        raise CheckpointError(
            "version", "a chain of linear layers, of one spike a step, is written in version 1: leave structure out"
        )


def _copy(given: Any, default: Any) -> Any:
    """Return a copy of a dict or a list; what is neither stays as it is, for `validate` to refuse."""
    return default if given is None else copy.copy(given) if isinstance(given, dict | list | tuple) else given
