"""The trained network beside its spiking one: what each layer gives, by the names of the graph.

It can be run on from any layer, with another signal put in the place of what the layer gives: so what an error of one
layer does to the answer is measured, not estimated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.errors import ConversionError
from spikeport.graph import SNNGraph
from spikeport.kernels import INPUT
from spikeport.lazy import import_torch

if TYPE_CHECKING:
    from torch import Tensor

    from spikeport.reading.network import ReadNetwork, ReadNode

Array = npt.NDArray[Any]


class Signals(NamedTuple):
    """What the trained network computes for a batch: of each node, by name, before and behind its activation."""

    drives: dict[str, Tensor]
    outputs: dict[str, Tensor]


class TrainedNetwork:
    """A trained model, read as a network whose nodes have the names of the layers of ``graph``.

    Call it within `spikeport.reading.torch.evaluating`.

    Raises `ConversionError`: what reading a model raises; ``graph`` for a layer that the model does not have.
    """

    def __init__(self, model: Any, graph: SNNGraph, samples: Array) -> None:
        torch = import_torch("reading a torch model")
        from spikeport.conversion.qcfs import ACTIVATIONS
        from spikeport.reading.torch import read_model, unwrapped

        shaped = torch.tensor(samples[:2].reshape(-1, *graph.input_shape))
        self.network: ReadNetwork = read_model(unwrapped(model), ACTIVATIONS, sample=shaped)
        self.nodes: dict[str, ReadNode] = {node.name: node for node in self.network.nodes}
        if math.prod(self.network.input_shape) != graph.n_inputs:
            raise ConversionError(
                "graph",
                f"the model takes {math.prod(self.network.input_shape)} values a sample, the spiking network "
                f"{graph.n_inputs}: give the model that it was converted from",
            )
        self._compare(graph)
        self.network.check_faithful(self.tensor(samples[:2]))

    def _compare(self, graph: SNNGraph) -> None:
        for layer in graph.layers[:-1]:
            node = self.nodes.get(layer.name)
            if not layer.neuron.is_spiking:
                continue
            if node is None or node.activation is None:
                names = ", ".join(node.name for node in self.network.nodes if node.activation is not None)
                raise ConversionError(
                    "graph",
                    f"the layer {layer.name} is none of the model's, whose activations are {names or 'none'}: give the "
                    "model that the network was converted from",
                )
            if math.prod(node.shape) != layer.n_neurons:
                raise ConversionError(
                    "graph",
                    f"{layer.name} has {layer.n_neurons} neurons, and {math.prod(node.shape)} in the model: layers are "
                    "compared neuron by neuron, so certify the network before neurons are taken out of it",
                )

    def tensor(self, samples: Array) -> Tensor:
        """Return samples, of any shape, as the network takes them."""
        import torch

        shape = (len(samples), *self.network.input_shape)
        return torch.tensor(samples.reshape(shape), dtype=self.network.dtype, device=self.network.device)

    def signals(self, x: Tensor) -> Signals:
        """Return what each node gives for ``x``."""
        drives: dict[str, Tensor] = {}
        outputs = {INPUT: x}
        for node, drive, output in self.network.walk(x):
            drives[node.name], outputs[node.name] = drive, output
        return Signals(drives, outputs)

    def answer(self, outputs: Mapping[str, Tensor]) -> Array:
        """Return the output, (batch, n_outputs), in float64."""
        flat = outputs[self.network.output.name].flatten(1)
        answer: Array = flat.double().cpu().numpy()
        return answer

    def onward(self, signals: Signals, name: str, changed: Tensor) -> Array:
        """Return the output, (batch, n_outputs), where the node ``name``, or the input, gives ``changed`` instead."""
        from spikeport.reading.compute import compute

        new = {name: changed.reshape(signals.outputs[name].shape)}
        for node in self._behind(name):
            read = [new.get(source, signals.outputs[source]) for source in node.inputs]
            drive = compute(node.operation, read, self.network.dtype, self.network.device)
            new[node.name] = drive if node.activation is None else node.activation.apply(drive)
        return self.answer({**signals.outputs, **new})

    def _behind(self, name: str) -> Iterator[ReadNode]:
        """Yield the nodes that hang on ``name``, in order."""
        reached = {name}
        for node in self.network.nodes:
            if node.name != name and reached.intersection(node.inputs):
                reached.add(node.name)
                yield node


def as_float64(tensor: Tensor) -> Array:
    """Return a tensor's values as an array of float64."""
    values: Array = tensor.detach().double().cpu().numpy()
    return values


def channelwise(values: Any, axes: int) -> Array:
    """Return one number, or one for each entry of the first axis, so that it meets signals (batch, …) of ``axes``."""
    array = np.asarray(values, np.float64)
    return array.reshape(-1, *(1,) * (axes - 1)) if array.ndim else array
