"""What was read: a network of real numbers, as nodes that name what they read.

Its operations are those of a spiking network (`spikeport.operations`), its activations those that a neuron's rate can
have; so to convert it is to say what a rate of 1 stands for. It computes in torch what the trained model computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from spikeport.errors import ConversionError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels import INPUT
from spikeport.neuron import Neuron
from spikeport.operations import Linear, Operation, Shape, Weighted
from spikeport.reading.compute import as_copy, compute

Array = npt.NDArray[Any]

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
FOLDED = {torch.float64: 1e-6, torch.float32: 2e-3}
"""The same where folding, or another order of the same sums, has rounded what the model computes."""


class Activation(NamedTuple):
    """What stands behind an operation: "relu", "clamp" (at θ), "qcfs" (θ, levels, whether θ was learnt to a floor)."""

    kind: str
    theta: float | None = None
    levels: int | None = None
    is_at_floor: bool = False
    apply: Callable[[Tensor], Tensor] = torch.relu


Activations = Mapping[Any, Callable[[Any], Activation]]
"""From the ``forward`` of an activation's class to what one of its modules does."""

RELU: Activations = MappingProxyType({nn.ReLU.forward: lambda module: Activation("relu")})


@dataclass
class ReadNode:
    """An operation of the model, with its own weights, and the activation behind it.

    Attributes
    ----------
    name : of the node in the graph: the module's own where it has one
    operation : its arrays are copies, in the model's dtype (half precisions as float32)
    inputs : names of the nodes it reads, "input" for the model's input
    shape : of what it passes on for one sample
    activation : or None
    place : where in the model, and in its code, for messages
    """

    name: str
    operation: Operation
    inputs: tuple[str, ...]
    shape: Shape
    activation: Activation | None = None
    place: str = ""

    @property
    def is_weighted(self) -> bool:
        """Whether it has weights."""
        return isinstance(self.operation, Weighted)


@dataclass
class ReadNetwork:
    """What a model is made of.

    Attributes
    ----------
    model : the model read
    nodes : in an order in which each reads the input or nodes before it; the last one is the output
    input_shape : of one sample
    dtype, device : in which the model computes, and where
    flattens : whether it takes samples of any shape, because it flattens them first
    is_exact : whether it computes what the model does in the same order, so that not even rounding differs
    """

    model: nn.Module
    nodes: list[ReadNode]
    input_shape: Shape
    dtype: torch.dtype = torch.float32
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    flattens: bool = False
    is_exact: bool = False

    @property
    def n_inputs(self) -> int:
        """How many values a sample has."""
        return int(np.prod(self.input_shape))

    @property
    def output(self) -> ReadNode:
        """The last node."""
        return self.nodes[-1]

    def readers(self, name: str) -> list[ReadNode]:
        """Return the nodes that read ``name``."""
        return [node for node in self.nodes if name in node.inputs]

    def to_graph(self) -> SNNGraph:
        """Return the uncalibrated network: IF neurons with threshold 1 and ``v_init = 1/2`` behind every activation."""
        fires, passes = Neuron("IF", v_init=0.5), Neuron("identity")
        layers = []
        for node in self.nodes:
            neuron = fires if node.activation or node is self.output else passes
            chained = isinstance(node.operation, Linear) and self.is_exact
            layers.append(LayerNode.of(node.name, node.operation.copy(), neuron, () if chained else node.inputs))
        return SNNGraph(layers, self.input_shape)

    def walk(
        self, x: Tensor, passing: Callable[[ReadNode, Tensor], Tensor] | None = None
    ) -> Iterator[tuple[ReadNode, Tensor, Tensor]]:
        """Yield each node, what its operation gives for ``x``, and what it passes on: its activation of that.

        ``passing`` says otherwise what is passed on, for a node and what its operation gives.
        """
        signals = {INPUT: x.reshape(len(x), *self.input_shape)}
        last = {name: node.name for node in self.nodes for name in node.inputs}
        for node in self.nodes:
            value = compute(node.operation, [signals[name] for name in node.inputs], self.dtype, self.device)
            if passing is not None:
                signals[node.name] = passing(node, value)
            else:
                signals[node.name] = value if node.activation is None else node.activation.apply(value)
            yield node, value, signals[node.name]
            for name in [name for name in set(node.inputs) if last[name] == node.name]:
                del signals[name]

    def outputs(self, x: Tensor) -> tuple[list[Array], Array]:
        """Return what each node puts out for ``x``, behind its activation, and what the last operation gives."""
        outputs: list[Array] = []
        drive = np.zeros(0)
        for node, value, output in self.walk(x):
            outputs.append(as_copy(output))
            if node is self.output:
                drive = as_copy(value)
        return outputs, drive

    def check_faithful(self, x: Tensor) -> Array:
        """Return what the network puts out for ``x``, or raise `ConversionError` ``unfaithful`` unless the model itself
        gives the same.
        """
        # Both on the same batch: another one may round a sum differently, and QCFS turns that into a whole level.
        own = self.model(x)
        *_, (_, _, last) = self.walk(x)
        given, expected = as_copy(last), as_copy(own) if isinstance(own, Tensor) else np.zeros(0)
        output = given
        tolerance = (TOLERANCE if self.is_exact else FOLDED).get(self.dtype, 0.05)
        if not self.is_exact and expected.size == output.size:
            output = output.reshape(expected.shape)
        if expected.shape != output.shape or not _close(expected, output, tolerance):
            raise ConversionError(
                "unfaithful",
                f"{type(self.model).__name__} computes something else than its modules in order: a hook or an "
                "overridden method changes the answer; take it off"
                if self.is_exact
                else f"{type(self.model).__name__} computes something else than what was read of its forward: a hook "
                "changes the answer, or which way it takes hangs on the values of its input; take that off",
            )
        return given


def _close(expected: Array, got: Array, tolerance: float) -> bool:
    return bool(np.allclose(expected, got, rtol=tolerance, atol=tolerance * np.abs(got).max(initial=0)))
