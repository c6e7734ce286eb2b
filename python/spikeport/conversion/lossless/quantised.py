"""The quantised network: each layer once, its neurons ``clip(floor(z/θ + v_init), tracer_min, tracer_max)``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.backends import get_backend
from spikeport.errors import ConversionError
from spikeport.graph import SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.kernels import INPUT

Array = npt.NDArray[Any]


class Quantised(NamedTuple):
    """What the quantised network says of a batch.

    Attributes
    ----------
    values : of every layer, its shape behind (batch, …): levels, whole numbers, where there are neurons, else currents
    drive : (batch, …): what the last layer's operation gives
    """

    values: list[Array]
    drive: Array


def quantised(graph: SNNGraph, x: Array, backend: str = "auto") -> Quantised:
    """Run the quantised network that ``graph`` settles on, on ``x`` of shape (batch, *input_shape).

    Sums are in the order of the contract, in the network's own type, so that they are the bits of a run's first step.

    Raises `ConversionError` ``neuron`` for neurons that are not ST-BIF; `spikeport.errors.KernelError` for inputs.
    """
    engine = get_backend(backend)
    check_settles(graph)
    dtype = dtype_of(graph)
    signals: dict[str, Array] = {INPUT: x.astype(dtype)}
    values = []
    for k, layer in enumerate(graph):
        z = engine.operation_currents(layer.operation, *(signals[name][None] for name in graph.reads(k)))[0]
        neuron, value = layer.neuron, z
        if neuron.is_spiking:
            kind = np.float64 if dtype == np.int32 else dtype
            θ, start = (
                np.asarray(part, kind).reshape(-1, *(1,) * (z.ndim - 2)) for part in (neuron.threshold, neuron.v_init)
            )
            level = np.floor_divide(z + start * θ, θ) if dtype == np.int32 else np.floor(start + z / θ)
            value = np.clip(level, neuron.tracer_min, neuron.tracer_max).astype(dtype)
        signals[layer.name] = value
        values.append(value)
    return Quantised(values, z)


def check_settles(graph: SNNGraph) -> None:
    """Raise `ConversionError` ``neuron`` unless all neurons are ST-BIF, which settle on a quantised activation."""
    for layer in graph:
        if layer.neuron.is_spiking and layer.neuron.kind != "ST-BIF":
            raise ConversionError(
                "neuron",
                f"{layer.name} has {layer.neuron.kind} neurons, which settle on no quantised activation: convert with "
                "neuron='st_bif'",
            )
