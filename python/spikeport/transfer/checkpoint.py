"""`SNNCheckpoint`: weights with what is needed to use them again, and the graph they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import KINDS, Neuron
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.neurons import neuron_from_rows, neuron_rows
from spikeport.transfer.sidecar import Sidecar, check_sidecar
from spikeport.transfer.version_1 import LayerArrays

Array = npt.NDArray[Any]


@dataclass(eq=False, repr=False)
class SNNCheckpoint:
    """A spiking network at rest: weights, biases, neurons, names, frozen layers and metadata.

    Attributes
    ----------
    weights : one array of shape (out, in) a layer, float32 or float64
    layer_names : unique, input side first
    layer_sizes : (in, out) a layer
    neuron_types : a label a layer, by default "LIF"; a network runs where every label is a kind of `Neuron`
    metadata : anything that JSON holds unchanged
    frozen_layers : names of layers that fine-tuning leaves alone
    biases : one array of shape (out,) or None a layer; None for no biases at all
    neurons : one `Neuron` or None a layer; None where only labels are known
    """

    weights: list[Array]
    layer_names: list[str]
    layer_sizes: list[tuple[int, int]]
    neuron_types: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    frozen_layers: list[str] = field(default_factory=list)
    biases: list[Array | None] | None = field(default=None, kw_only=True)
    neurons: list[Neuron | None] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not self.neuron_types:
            neurons = self.neurons or [None] * len(self.layer_names)
            self.neuron_types = [neuron.kind if neuron else "LIF" for neuron in neurons]

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.weights)

    @property
    def total_params(self) -> int:
        """Number of weights and biases."""
        return sum(int(np.size(a)) for a in [*self.weights, *(self.biases or [])] if a is not None)

    @classmethod
    def from_graph(
        cls, graph: SNNGraph, metadata: dict[str, Any] | None = None, frozen_layers: Sequence[str] = ()
    ) -> SNNCheckpoint:
        """Return the checkpoint of ``graph``; arrays are copied."""
        graph.validate()
        return cls(
            weights=[layer.weights.copy() for layer in graph],
            layer_names=[layer.name for layer in graph],
            layer_sizes=[(layer.n_inputs, layer.n_neurons) for layer in graph],
            neuron_types=[layer.neuron_type for layer in graph],
            metadata=dict(metadata or {}),
            frozen_layers=list(frozen_layers),
            biases=[None if layer.bias is None else layer.bias.copy() for layer in graph],
            neurons=[layer.neuron for layer in graph],
        )

    def to_graph(self) -> SNNGraph:
        """Return the network that runs; a layer without a stored neuron gets its label's kind with default parameters.

        Raises `CheckpointError` as `save_checkpoint` would, and ``neuron`` for a label that is no kind of `Neuron`.
        """
        self.validate()
        layers = []
        for k, name in enumerate(self.layer_names):
            neuron = self.neurons[k] if self.neurons else None
            if neuron is None and self.neuron_types[k] not in KINDS:
                raise CheckpointError(
                    "neuron", f"{name}: no neuron is called {self.neuron_types[k]!r}: there are {', '.join(KINDS)}"
                )
            bias = self.biases[k] if self.biases else None
            layers.append(LayerNode.with_neuron(name, self.weights[k], bias, neuron or Neuron(self.neuron_types[k])))
        return SNNGraph(layers)

    def __eq__(self, other: object) -> bool:
        """Compare all fields: arrays by dtype and values, frozen layers in any order, no biases as all None."""
        if not isinstance(other, SNNCheckpoint):
            return NotImplemented
        (words, arrays), (other_words, other_arrays) = self._compared(), other._compared()
        return words == other_words and all(map(_same, arrays, other_arrays))

    __hash__ = None  # type: ignore[assignment]

    def _compared(self) -> tuple[list[Any], list[Array | None]]:
        none = [None] * len(self.weights)
        sizes = [tuple(size) for size in self.layer_sizes]
        neurons = list(self.neurons or none)
        words = [list(self.layer_names), sizes, list(self.neuron_types), neurons, self.metadata]
        return [*words, set(self.frozen_layers), len(self.weights)], [*self.weights, *(self.biases or none)]

    def __repr__(self) -> str:
        layers = ", ".join(
            f"{name} {tuple(size)}" for name, size in zip(self.layer_names, self.layer_sizes, strict=False)
        )
        frozen = f", frozen: {', '.join(self.frozen_layers)}" if self.frozen_layers else ""
        return f"<SNNCheckpoint {layers}: {self.total_params:,} parameters{frozen}>"

    def validate(self) -> None:
        """Raise `CheckpointError` unless `save_checkpoint` would write this checkpoint."""
        self.parts()

    def parts(self) -> tuple[Sidecar, list[LayerArrays]]:
        """Return the checked content of the two files; the sidecar's digest is still zero."""
        for key in ("layer_names", "layer_sizes", "neuron_types", "frozen_layers", "weights", "biases", "neurons"):
            values = getattr(self, key)
            if values is None and key in ("biases", "neurons"):
                continue
            if not isinstance(values, list | tuple | np.ndarray):
                raise CheckpointError("sidecar_schema", f"{key} must be a list, not a {type(values).__name__}")
            if key in ("weights", "biases", "neurons") and len(values) != len(self.layer_names):
                raise CheckpointError(
                    "sidecar_schema", f"{key} has {len(values)} entries for {len(self.layer_names)} layers"
                )
        names = list(self.layer_names)
        raw = {
            "archive": {"bytes": 0, "sha256": "0" * 64},
            "format": "spikeport-checkpoint",
            "frozen_layers": [name for name in names if name in self.frozen_layers],
            "layer_names": names,
            "layer_sizes": [_plain_size(size) for size in self.layer_sizes],
            "metadata": self.metadata,
            "n_layers": self.n_layers,
            "neuron_types": list(self.neuron_types),
            "total_params": self.total_params,
            "version": 1,
        }
        unknown = sorted(set(self.frozen_layers) - set(names))
        if unknown:
            raise CheckpointError("sidecar_schema", f"frozen_layers names no layer: {', '.join(unknown)}")
        sidecar = check_sidecar(raw, "checkpoint")
        return sidecar, [self._layer(k, size) for k, size in enumerate(sidecar.layer_sizes)]

    def _layer(self, k: int, size: tuple[int, int]) -> LayerArrays:
        n_in, n_out = size
        name = self.layer_names[k]
        weight = _checked(f"{name}: weight", self.weights[k], (n_out, n_in))
        bias = self.biases[k] if self.biases else None
        if bias is not None:
            bias = _checked(f"{name}: bias", bias, (n_out,))
            if bias.dtype != weight.dtype:
                raise CheckpointError(
                    "dtype", f"{name}: bias is {bias.dtype}, weight {weight.dtype}: give both the same"
                )
        neuron = self.neurons[k] if self.neurons else None
        if not isinstance(neuron, Neuron | None):
            raise CheckpointError("neuron", f"{name}: {neuron!r} is no Neuron: give one, or None for a label alone")
        if neuron is not None and neuron.kind != self.neuron_types[k]:
            raise CheckpointError(
                "neuron", f"{name}: a neuron of kind {neuron.kind} is labelled {self.neuron_types[k]}"
            )
        try:
            rows = None if neuron is None else neuron_rows(neuron, n_out)
        except GraphError as error:
            raise CheckpointError("neuron", f"{name}: {error}") from None
        return LayerArrays(weight, bias, rows)


def from_parts(sidecar: Sidecar, layers: Sequence[LayerArrays]) -> SNNCheckpoint:
    """Return the checkpoint that two checked files hold."""
    total = sum(layer.weight.size + (0 if layer.bias is None else layer.bias.size) for layer in layers)
    if total != sidecar.total_params:
        raise CheckpointError("shape", f"total_params says {sidecar.total_params:,}, the archive holds {total:,}")
    kinds = sidecar.neuron_types
    neurons = [
        None if a.neuron is None else neuron_from_rows(kind, a.neuron) for kind, a in zip(kinds, layers, strict=True)
    ]
    return SNNCheckpoint(
        weights=[layer.weight for layer in layers],
        layer_names=sidecar.layer_names,
        layer_sizes=sidecar.layer_sizes,
        neuron_types=sidecar.neuron_types,
        metadata=sidecar.metadata,
        frozen_layers=sidecar.frozen_layers,
        biases=[layer.bias for layer in layers] if any(layer.bias is not None for layer in layers) else None,
        neurons=neurons if any(neuron is not None for neuron in neurons) else None,
    )


def _checked(place: str, values: Any, shape: tuple[int, ...]) -> Array:
    array = np.asarray(values)
    if array.dtype.kind == "O":
        raise CheckpointError("pickle", f"{place} holds Python objects: give an array of float32 or float64")
    if array.dtype.newbyteorder("=") not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise CheckpointError("dtype", f"{place} has dtype {array.dtype}: convert it with .astype(np.float32)")
    if array.shape != shape:
        raise CheckpointError("shape", f"{place} has shape {array.shape}: layer_sizes says (out, in) = {shape}")
    if not np.isfinite(array).all():
        raise CheckpointError("non_finite", f"{place} holds NaN or infinity")
    return array


def _plain_size(size: Any) -> Any:
    if not isinstance(size, list | tuple | np.ndarray):
        return size
    return [int(n) if isinstance(n, np.integer) else n for n in size]


def _same(a: Array | None, b: Array | None) -> bool:
    if a is None or b is None:
        return a is b
    return np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b)
