"""Nodes in order, each naming what it reads: what a network is for a kernel.

A node may read the network's input, by the name `INPUT`, and nodes that stand before it, so the order of the list is
one in which everything can be computed. A node that names nothing reads the node before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np

from spikeport.checks import is_whole
from spikeport.errors import GraphError, KernelError
from spikeport.kernels.checks import as_float
from spikeport.kernels.integers import check_neuron
from spikeport.neuron import Neuron
from spikeport.operations import Linear, Operation, Shape, Weighted, element_of
from spikeport.operations.weighted import Masses

INPUT: Final = "input"
"""The name by which nodes read the network's input."""


class Node(Protocol):
    """What a kernel needs to know of a node: `spikeport.graph.LayerNode` is one."""

    @property
    def name(self) -> str:
        """By which other nodes read it."""

    @property
    def operation(self) -> Operation:
        """What it does with the signals it reads."""

    @property
    def neuron(self) -> Neuron:
        """The neurons behind it: a parameter is one number, or one for each entry of the first axis."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what it reads, in order; () for the node before it."""


@dataclass(frozen=True)
class PlacedNode:
    """A node in its network: what it reads is spelled out, and the shape of what it passes on is known."""

    name: str
    operation: Operation
    neuron: Neuron
    inputs: tuple[str, ...]
    shape: Shape

    @property
    def size(self) -> int:
        """How many values it passes on at each step, for each sample."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class PlacedNetwork:
    """Nodes that were checked against each other.

    Attributes
    ----------
    nodes : in an order in which each reads the input or nodes before it; the last one is the output
    input_shape : of one sample
    dtype : the type that all of it is computed in: float32, float64 (also where there is no array), or int32
    """

    nodes: list[PlacedNode]
    input_shape: Shape
    dtype: np.dtype[Any]

    @property
    def input_size(self) -> int:
        """How many values a sample has at one step."""
        return math.prod(self.input_shape)

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """How many values all nodes that spike pass on at each step, and all that do not."""
        spiking = sum(node.size for node in self.nodes if node.neuron.is_spiking)
        return spiking, sum(node.size for node in self.nodes) - spiking

    @cached_property
    def masses(self) -> list[Masses | None]:
        """What the weights of each node add up to at most, worked out once; None for an operation without weights."""
        return [node.operation.masses() if isinstance(node.operation, Weighted) else None for node in self.nodes]

    @cached_property
    def largest(self) -> int:
        """The most values that a sample has at one step in any signal."""
        return max(self.input_size, *(node.size for node in self.nodes))


def place(nodes: Sequence[Node], input_shape: Shape | None = None) -> PlacedNetwork:
    """Return the network of ``nodes``, names resolved and shapes inferred, on inputs of ``input_shape``.

    The shape of the input is by default that of a first node with a linear operation. Raises `KernelError`: ``shape``
    where parts or an operation and what it reads do not fit; ``inputs`` for a name that is not there; ``dtype``; for
    what a network of integers cannot have ``operation``, ``neuron_kind``, ``not_whole``, ``overflow``.
    """
    if not nodes:
        raise KernelError("shape", "a network needs at least one layer")
    dtype = _common_type(nodes)
    shapes: dict[str, Shape] = {INPUT: _input_shape(nodes[0], input_shape)}
    placed: list[PlacedNode] = []
    before = INPUT
    for node in nodes:
        inputs = tuple(node.inputs) or (before,)
        if missing := [name for name in inputs if name not in shapes]:
            raise KernelError("inputs", f"{node.name} reads {missing[0]!r}, which is no node before it, nor {INPUT!r}")
        try:
            shape = node.operation.output_shape(*(shapes[name] for name in inputs))
            node.neuron.check_width(shape[0])
            if dtype == np.int32:
                check_neuron(node.neuron)
                node.operation.bound(*(0.0 for _ in inputs))
        except (GraphError, KernelError) as error:
            raise KernelError(error.code, f"{node.name}, which reads {', '.join(inputs)}: {error}") from None
        placed.append(PlacedNode(node.name, node.operation, node.neuron, inputs, shape))
        before, shapes[node.name] = node.name, shape
    return PlacedNetwork(placed, shapes[INPUT], dtype)


def check_values(network: PlacedNetwork) -> None:
    """Raise `KernelError` ``non_finite`` where an array holds NaN or infinity."""
    if network.dtype == np.int32:
        return
    for node in network.nodes:
        for name, array in node.operation.arrays().items():
            as_float(f"{node.name}.{name}", array)


def _input_shape(first: Node, given: Shape | None) -> Shape:
    if given is None and isinstance(first.operation, Linear):
        return (first.operation.n_inputs,)
    if given is None:
        raise KernelError("shape", f"{first.name} takes inputs of many shapes: give input_shape, without the batch")
    if not 1 <= len(given) <= 3 or not all(is_whole(n) and n > 0 for n in given):
        raise KernelError("shape", f"input_shape {given!r}: give one to three whole numbers, such as (3, 32, 32)")
    return tuple(int(n) for n in given)


def _common_type(nodes: Sequence[Node]) -> np.dtype[Any]:
    types: set[np.dtype[Any] | None] = set()
    for node in nodes:
        try:
            node.operation.check(node.name)
        except GraphError as error:
            raise KernelError(error.code, str(error)) from None
        types.add(node.operation.dtype)
    given = sorted(str(dtype) for dtype in types - {None})
    if len(given) > 1:
        raise KernelError("dtype", f"layers have weights of {' and of '.join(given)}: make all the same")
    return element_of(given[0]) if given else np.dtype(np.float64)
