"""The networks that travel: converted ones with a soft reset, and the same with a hard reset to 0."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.bench_conversion.trained import trained
from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.conversion import convert
from spikeport.demo.digits import Recipe, load_digits, trained_network
from spikeport.operations import Weighted

RECIPE = Recipe(widths=(64, 128, 10), epochs=20)


class Travelling(NamedTuple):
    """A network by its name, with test samples and their labels."""

    name: str
    graph: SNNGraph
    x: npt.NDArray[Any]
    y: npt.NDArray[Any]


def digits_mlp(T: int) -> Travelling:
    """64→128→10, converted for so many steps."""
    digits = load_digits(RECIPE)
    with tempfile.TemporaryDirectory() as scratch:
        model, _ = trained_network(RECIPE, digits, Path(scratch), lambda done, of: None)
    snn = convert(model, digits.x_train, T=T, thresholds="percentile")
    return Travelling("network of 64→128→10 digits", with_thresholds_of_layers(snn.graph), digits.x_test, digits.y_test)


def digits_cnn(T: int) -> Travelling:
    """Two convolutions, each with an average pool behind it, and a readout."""
    return _converted("digits CNN", 100, T)


def resnet20(T: int) -> Travelling:
    """The public ResNet-20."""
    return _converted("ResNet-20", 2, T)


def _converted(name: str, images: int, T: int) -> Travelling:
    found = trained(name, 0, 200, images)
    graph = convert(found.model, found.calibration, T=T, thresholds="percentile").graph
    return Travelling(name, with_thresholds_of_layers(graph), found.x, found.y)


def with_thresholds_of_layers(graph: SNNGraph) -> SNNGraph:
    """Scale neurons behind weights to θ = 1, since tools that take one threshold a layer are among those asked."""
    layers = []
    for layer in graph:
        operation, neuron = layer.operation, layer.neuron
        if isinstance(operation, Weighted) and neuron.is_spiking:
            θ = np.broadcast_to(np.asarray(neuron.threshold), len(operation.weight))
            rows = θ.reshape(-1, *(1,) * (operation.weight.ndim - 1))
            scaled = {"weight": (operation.weight / rows).astype(np.float32)}
            if operation.bias is not None:
                scaled["bias"] = (operation.bias / θ).astype(np.float32)
            operation, neuron = operation.with_arrays(scaled), Neuron(neuron.kind, v_init=neuron.v_init)
        layers.append(LayerNode.of(layer.name, operation, neuron, layer.inputs))
    return SNNGraph(layers, graph.input_shape)


def with_hard_reset(graph: SNNGraph) -> SNNGraph:
    """Let every neuron start at 0 and fall to 0."""
    layers = graph.copy().layers
    for layer in layers:
        if layer.neuron.is_spiking:
            layer.neuron = replace(layer.neuron, v_init=0.0, v_reset=0.0)
    return SNNGraph(layers, graph.input_shape)


NETWORKS: dict[str, Callable[[int], Travelling]] = {"mlp": digits_mlp, "digits_cnn": digits_cnn, "resnet20": resnet20}
