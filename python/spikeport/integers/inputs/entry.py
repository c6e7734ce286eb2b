"""How a network reads whole numbers that have an offset: ``x = step·p + offset``.

    Σ_k W[k]·x[k] + b  =  Σ_k W[k]·step[k]·p[k] + (b + Σ_k W[k]·offset[k])

So an offset goes into the biases of what reads the input. At the border of a convolution with padding fewer terms are
read than that sum has, and no bias can say so: there a node is put before it that hands the input on, with a channel
that is the same whole number everywhere, and whose weights are what the offset asks for. It is padded as the rest is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.integers.budget import Budget
from spikeport.integers.inputs.step import InputStep
from spikeport.kernels import INPUT
from spikeport.neuron import PASS_ON
from spikeport.operations import Conv, Linear, Operation, Weighted

Array = npt.NDArray[Any]
NAME = f"{INPUT}.with_one"


@dataclass(frozen=True)
class Entry:
    """The input of a network, and what becomes of it before the network's first layers.

    Attributes
    ----------
    step : of the input
    channels : of the input
    name : of the node that puts a channel behind them that is the same everywhere, None where there is none
    """

    step: InputStep
    channels: int
    name: str | None = None

    @classmethod
    def of(cls, graph: SNNGraph, step: InputStep) -> Entry | None:
        """Return the entry of ``graph``; None where something reads the input that can take no offset."""
        readers = [node.operation for k, node in enumerate(graph.layers) if INPUT in graph.reads(k)]
        moves = bool(np.any(step.offset))
        padded = [isinstance(reader, Conv) and any(reader.window.padding) for reader in readers]
        folds = all(isinstance(reader, Conv | Linear) for reader in readers)
        widens = all(isinstance(reader, Conv) and reader.groups == 1 for reader in readers)
        if moves and not (widens if any(padded) else folds):
            return None
        name = NAME
        while name in {node.name for node in graph.layers}:
            name += "'"
        return cls(step, graph.input_shape[0], name if moves and any(padded) else None)

    @classmethod
    def found(cls, whole: SNNGraph, step: InputStep) -> Entry:
        """Return the entry of a network of integers, as `nodes` put it there."""
        first = whole.layers[0].name
        return cls(step, whole.input_shape[0], first if first.startswith(NAME) and np.any(step.offset) else None)

    @property
    def has_one(self) -> bool:
        """Whether a channel is put behind the input's that is the same everywhere."""
        return self.name is not None

    @property
    def steps(self) -> dict[str, Array]:
        """What 1 stands for in what is put before the first layers, by name; nothing where nothing is."""
        return {} if self.name is None else {self.name: self.read.steps(self.channels + 1)}

    @property
    def one(self) -> int:
        """What that channel is everywhere: enough that rounding its weights costs little, and no bits of the others."""
        return math.isqrt(self.step.largest) or 1

    @property
    def read(self) -> InputStep:
        """The step of what the first layers read, which has no offset."""
        steps = self.step.step
        if self.has_one:
            steps = (*self.step.steps(self.channels), 1 / self.one)
        return replace(self.step, step=steps, offset=0.0)

    def moved(self, x: Array) -> Array:
        """Return real inputs (samples, *input_shape) as the first layers read them, by `read`."""
        offsets = self.step.offsets(self.channels)
        new = x - offsets.reshape(-1, *(1,) * (x.ndim - 2)).astype(x.dtype)
        return np.concatenate([new, np.ones_like(new[:, :1])], axis=1) if self.has_one else new

    def reader(self, operation: Operation) -> Operation:
        """Return an operation on the real input as one that gives the same currents on `moved` inputs."""
        if not isinstance(operation, Weighted) or not np.any(self.step.offset):
            return operation
        weight, offsets = operation.arrays()["weight"], self.step.offsets(self.channels)
        if self.has_one:
            added = np.tensordot(offsets, weight.astype(np.float64), (0, 1))[:, None].astype(weight.dtype)
            return operation.with_arrays({**operation.arrays(), "weight": np.concatenate([weight, added], axis=1)})
        bias = np.zeros(len(weight)) if operation.bias is None else operation.bias.astype(np.float64)
        if isinstance(operation, Conv):
            groups = np.repeat(offsets.reshape(operation.groups, -1), len(weight) // operation.groups, axis=0)
            by_channel = weight.reshape(len(weight), weight.shape[1], -1).sum(axis=2, dtype=np.float64)
            added = (by_channel * groups).sum(axis=1)
        else:
            added = weight.astype(np.float64) @ np.repeat(offsets, weight.shape[1] // self.channels)
        return operation.with_arrays({"weight": weight, "bias": (bias + added).astype(weight.dtype)})

    def network(self, graph: SNNGraph) -> SNNGraph:
        """Return ``graph`` as one that gives the same on `moved` inputs."""
        shape, layers = (self.channels + self.has_one, *graph.input_shape[1:]), list[LayerNode]()
        for k, node in enumerate(graph.layers):
            layers.append(node.copy())
            if INPUT in graph.reads(k):
                layers[k].operation = self.reader(node.operation)
        return SNNGraph(layers, shape)

    def nodes(self, layers: list[LayerNode], budget: Budget) -> list[LayerNode]:
        """Return the nodes of a network of integers that reads `read`, as one that is fed by ``step``."""
        if self.name is None:
            return layers
        name = self.name
        axes = next(np.ndim(layer.weights) - 2 for layer in layers if INPUT in layer.inputs)
        weight = np.eye(self.channels + 1, self.channels, dtype=budget.weight_type)
        bias = np.array([0] * self.channels + [self.one], np.int32)
        first = LayerNode.of(name, Conv(weight.reshape(*weight.shape, *(1,) * axes), bias), PASS_ON, (INPUT,))
        for layer in layers:
            layer.inputs = tuple(name if source == INPUT else source for source in layer.inputs)
        return [first, *layers]
