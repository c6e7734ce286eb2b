"""The parts of a converted network as lists: what is assigned to them, or written into an array, is what runs next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, PerLayer, SNNGraph
from spikeport.integers import IntegerNetwork
from spikeport.integers.inputs.step import one_or_each
from spikeport.kernels import INPUT
from spikeport.kernels.checks import as_float, as_integers

Array = npt.NDArray[Any]
Scale = float | list[float]
"""What a rate of 1 stands for: in a whole layer, or in each of its channels."""


class GraphParts:
    """Shows one `SNNGraph` as lists with one entry for each layer."""

    _graph: SNNGraph

    @property
    def graph(self) -> SNNGraph:
        """The network itself: what is changed in it is changed here. A copy is ``graph.copy()``."""
        return self._graph

    @property
    def n_layers(self) -> int:
        """Number of layers, the output layer included."""
        return len(self.graph)

    @property
    def weights(self) -> list[Any]:
        """One array for each layer, (out, in) where it is linear; None for one without weights."""
        return PerLayer((layer.operation.arrays().get("weight") for layer in self.graph), self._set_weights)

    @weights.setter
    def weights(self, weights: Sequence[Array | None]) -> None:
        self.weights[:] = weights

    @property
    def biases(self) -> list[Array | None]:
        """One (out,) array or None for each layer."""
        return PerLayer((layer.bias for layer in self.graph), self._set_bias)

    @biases.setter
    def biases(self, biases: Sequence[Array | None]) -> None:
        self.biases[:] = biases

    @property
    def thresholds(self) -> list[float]:
        """θ of each layer."""
        return PerLayer((layer.threshold for layer in self.graph), self._set_threshold)

    @thresholds.setter
    def thresholds(self, thresholds: Sequence[float]) -> None:
        self.thresholds[:] = thresholds

    @property
    def names(self) -> list[str]:
        """The name of each layer."""
        return PerLayer((layer.name for layer in self.graph), self._set_name)

    @names.setter
    def names(self, names: Sequence[str]) -> None:
        self.names[:] = names

    @property
    def v_init(self) -> float:
        """Membrane before the first step, in units of the threshold, of the first layer with neurons.

        Others may begin later, where calibration found that better: ``graph`` has the start of each. What is assigned
        is that of all layers with neurons.
        """
        first = next((layer for layer in self.graph if layer.neuron.is_spiking), self.graph[0])
        return float(np.asarray(first.neuron.v_init).flat[0])

    @v_init.setter
    def v_init(self, v_init: float) -> None:
        for layer in self.graph:
            if layer.neuron.is_spiking:
                layer.neuron = replace(layer.neuron, v_init=v_init)

    def _set_weights(self, k: int, weights: npt.ArrayLike | None) -> None:
        layer = self.graph[k]
        if weights is None and "weight" not in layer.operation.arrays():
            return
        layer.weights = _in_type_of(layer, "weights", [] if weights is None else weights, layer.operation.dtype)

    def _set_bias(self, k: int, bias: npt.ArrayLike | None) -> None:
        layer = self.graph[k]
        layer.bias = None if bias is None else _in_type_of(layer, "bias", bias, layer.operation.element)

    def _set_threshold(self, k: int, threshold: float) -> None:
        self.graph[k].neuron = replace(self.graph[k].neuron, threshold=threshold)

    def _set_name(self, k: int, name: str) -> None:
        self.graph[k].name = name


def _in_type_of(layer: LayerNode, name: str, values: npt.ArrayLike, dtype: Any) -> Array:
    """Return arrays for a layer: of integers in ``dtype``, or refused; else floats, a bias in the weights' type."""
    if layer.operation.element == np.int32:
        return as_integers(f"{layer.name}.{name}", values, dtype)
    array = as_float(f"{layer.name}.{name}", values)
    return array if name == "weights" else array.astype(dtype)


def whole_scales(real: Mapping[str, Scale], made: IntegerNetwork) -> list[Scale]:
    """Return what 1 stands for in what each layer of integers hands on, in the trained network's units.

    ``real`` says it of the float network's layers. What was put before a layer hands on what it reads, in a step of its
    own; at the output it is what a rate of 1 stands for, as ever.
    """
    found: dict[str, Array] = {INPUT: np.ones(1)}
    for index, layer in enumerate(made.graph):
        unit = real[layer.name] if layer.name in real else found[made.graph.reads(index)[0]]
        found[layer.name] = np.atleast_1d(np.asarray(unit, np.float64))
    steps = {**made.steps, made.graph[-1].name: np.ones(1)}
    scales = [one_or_each(found[layer.name] * steps[layer.name]) for layer in made.graph]
    return [list(scale) if isinstance(scale, tuple) else scale for scale in scales]
