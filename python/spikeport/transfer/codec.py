"""The codec in Rust: both files of a checkpoint in one call, read into NumPy's arrays and written from them.

It is the crate that Rust programs use, held to the reference by the vectors. Here it only ever says yes: what it
refuses, or cannot do, is done once more by the reference, whose words are the ones that people read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from spikeport.errors import BackendError
from spikeport.operations import Shape
from spikeport.transfer.checkpoint import SNNCheckpoint
from spikeport.transfer.files import strict_json
from spikeport.transfer.held.chain import HeldGraph, LayerContent
from spikeport.transfer.held.neurons import neuron_rows
from spikeport.transfer.held.nodes import NodeContent
from spikeport.transfer.held.verified import Verified

try:
    import spikeport._rust as _rust
except ImportError:  # a checkout that was not built
    _rust = None  # type: ignore[assignment]

BACKENDS: Final = ("auto", "rust", "reference")
REFUSALS: Final = (ValueError, TypeError, OverflowError, MemoryError)
"""What the extension, or the way to it, raises for what it does not take; `SpikeportError` is a `ValueError`."""


def is_used(backend: str) -> bool:
    """Whether ``backend``, one of `BACKENDS`, is the codec in Rust; raise `BackendError` where it is not to be had."""
    if backend not in BACKENDS:
        raise BackendError("unknown_backend", f"no codec is called {backend!r}: there are {', '.join(BACKENDS)}")
    if backend == "rust" and _rust is None:
        raise BackendError("backend_unavailable", "the Rust extension is not built: run `pip install .`")
    return backend != "reference" and _rust is not None


def load(path: Path) -> SNNCheckpoint | None:
    """Return the checkpoint at ``path``, or None where it is not read: the reference says why, or reads it."""
    try:
        input_shape, layers, frozen, metadata = _rust.checkpoint_load(path)
    except REFUSALS:
        return None
    return SNNCheckpoint.of_verified(Verified(input_shape, layers), json.loads(metadata), frozen)


def save(checkpoint: SNNCheckpoint, path: Path, *, durable: bool) -> bool:
    """Write the checkpoint to ``path`` and return True, or False where it is not written: the reference says why."""
    try:
        input_shape, layers = _content(checkpoint)
        metadata = strict_json.canonical(checkpoint.metadata)
        _rust.checkpoint_save(path, input_shape, layers, checkpoint.frozen_layers, metadata, durable)
    except REFUSALS:
        return False
    return True


def _content(checkpoint: SNNCheckpoint) -> tuple[Shape, list[tuple[Any, ...]]]:
    """Return the shape of the input, and the layers as the extension takes them."""
    held = checkpoint.held
    if isinstance(held, HeldGraph):
        contents = held.layers()
        return (contents[0].size[0],), [
            _layer(layer, "linear", {}, (k - 1,), layer.size[1:]) for k, layer in enumerate(contents)
        ]
    graph = held.graph
    index = {"input": -1} | {node.name: k for k, node in enumerate(graph)}
    return graph.input_shape, [
        _layer(
            layer,
            node.operation.kind,
            dict(node.operation.attributes()),
            tuple(index[name] for name in graph.reads(k)),
            node.shape or (),
        )
        for k, (layer, node) in enumerate(zip(held.layers(), graph, strict=True))
    ]


def _layer(
    layer: LayerContent | NodeContent,
    operation: str,
    attributes: dict[str, Any],
    inputs: tuple[int, ...],
    shape: tuple[int, ...],
) -> tuple[Any, ...]:
    neuron, label = layer.neuron, layer.neuron_type
    if neuron is not None and neuron.kind != label:
        raise ValueError("a neuron of another kind than its label")
    rows = None if neuron is None else neuron_rows(neuron, shape[0], version=2)
    return layer.name, label, operation, attributes, inputs, shape, _native(layer.weights), _native(layer.bias), rows


def _native(array: Any) -> Any:
    return None if array is None else np.ascontiguousarray(array)
