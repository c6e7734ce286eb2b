"""Checkpoints of version 2: nodes that name what they read, small, dyadic unless they say otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from conformance.generate.make import dyadic
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.transfer import SNNCheckpoint

GRAPHS: dict[str, Callable[[], SNNCheckpoint]] = {}
HALF = Neuron("IF", 1.0, 0.5)
LEAKY = Neuron("LIF", [1.0, 2.0, 0.5], 0.0, [0.0, 0.25, -0.5], [0.5, 1.0, 0.25])
ST_BIF = Neuron("ST-BIF", 0.5, 0.5, tracer_min=-4, tracer_max=7)


class Draw:
    """Draws dyadic arrays of one type from one seed."""

    def __init__(self, seed: int, dtype: Any = np.float64) -> None:
        self.rng, self.dtype = np.random.default_rng(seed), dtype

    def __call__(self, *shape: int) -> Any:
        """Return an array of this shape."""
        return dyadic(self.rng, -1, 1, 3, shape).astype(self.dtype)


def _graph(make: Callable[[], SNNCheckpoint]) -> Callable[[], SNNCheckpoint]:
    GRAPHS[make.__name__] = make
    return make


def graph_of(nodes: Sequence[LayerNode], shape: tuple[int, ...], **fields: Any) -> SNNCheckpoint:
    return SNNCheckpoint.from_graph(SNNGraph(nodes, shape), **fields)


def node(name: str, operation: Any, neuron: Neuron = PASS_ON, *inputs: str) -> LayerNode:
    return LayerNode.of(name, operation, neuron, inputs)


def _small(dtype: Any, **fields: Any) -> SNNCheckpoint:
    draw = Draw(201, dtype)
    nodes = [
        node("conv", Conv(draw(3, 2, 3, 3), draw(3), padding=1), HALF),
        node("pool", AvgPool(2)),
        node("out", Linear(draw(4, 12), draw(4)), HALF),
    ]
    return graph_of(nodes, (2, 4, 4), **fields)


@_graph
def conv_small() -> SNNCheckpoint:
    return _small(np.float64, metadata={"task": "small", "accuracy": 0.972}, frozen_layers=["conv"])


@_graph
def conv_small_f32() -> SNNCheckpoint:
    return _small(np.float32)


def _residual(dtype: Any) -> SNNCheckpoint:
    draw = Draw(202, dtype)
    nodes = [
        node("stem", Conv(draw(4, 2, 3, 3), draw(4), padding=1), Neuron("IF", [1.0, 0.5, 2.0, 1.5], 0.5)),
        node("a", Conv(draw(4, 2, 3, 3), padding=1, groups=2)),
        node("skip", Conv(np.full((4, 1, 1, 1), 0.5, dtype), groups=4), PASS_ON, "stem"),
        node("join", Add(), HALF, "a", "skip"),
        node("both", Concat(), PASS_ON, "join", "stem", "input"),
        node("out", Linear(draw(3, 10 * 12)), HALF),
    ]
    return graph_of(nodes, (2, 4, 3), frozen_layers=["a", "stem"])


@_graph
def residual() -> SNNCheckpoint:
    return _residual(np.float64)


@_graph
def residual_f32() -> SNNCheckpoint:
    return _residual(np.float32)


@_graph
def max_pooled() -> SNNCheckpoint:
    draw = Draw(203)
    nodes = [
        node("conv", Conv(draw(2, 1, 2, 2), draw(2)), HALF),
        node("pool", MaxPool(3, stride=2, padding=1)),
        node("fires", MaxPool((2, 1), stride=1), HALF, "pool"),
        node("out", Linear(draw(2, 4)), HALF),
    ]
    return graph_of(nodes, (1, 5, 5))


@_graph
def pooled_input() -> SNNCheckpoint:
    draw = Draw(204)
    nodes = [
        node("max", MaxPool(2), PASS_ON, "input"),
        node("sum", SumPool(2), PASS_ON, "input"),
        node("twice", Conv(draw(1, 1, 1, 1)), PASS_ON, "sum"),
        node("join", Add(), HALF, "max", "twice", "sum"),
    ]
    return graph_of(nodes, (1, 4, 4))


@_graph
def grouped() -> SNNCheckpoint:
    draw = Draw(205)
    nodes = [
        node("depthwise", Conv(draw(4, 1, 3, 2), draw(4), stride=(1, 2), padding=(1, 0), groups=4), HALF),
        node("pointwise", Conv(draw(6, 4, 1, 1), draw(6)), HALF),
        node("dilated", Conv(draw(6, 2, 2, 2), dilation=(2, 1), groups=3), HALF),
    ]
    return graph_of(nodes, (4, 4, 4))


@_graph
def line() -> SNNCheckpoint:
    draw = Draw(206)
    nodes = [
        node("conv", Conv(draw(3, 2, 3), draw(3), stride=2, padding=2), HALF),
        node("pool", SumPool((2,), stride=1), Neuron("LIF", [1.0, 2.0, 0.5], 0.0, [0.0, 0.25, -0.5], [0.5, 1.0, 0.25])),
        node("out", Linear(draw(2, 9)), ST_BIF),
    ]
    return graph_of(nodes, (2, 6))


@_graph
def bipolar() -> SNNCheckpoint:
    draw = Draw(207)
    nodes = [
        node("conv", Conv(draw(2, 1, 2, 2)), ST_BIF),
        node("pool", MaxPool(2)),
        node("out", Linear(draw(2, 2), draw(2)), ST_BIF),
    ]
    return graph_of(nodes, (1, 3, 3))


@_graph
def linear_skip() -> SNNCheckpoint:
    draw = Draw(208)
    nodes = [
        node("first", Linear(draw(4, 4), draw(4)), HALF),
        node("second", Linear(draw(4, 4)), PASS_ON),
        node("join", Add(), HALF, "second", "first", "input"),
        node("pair", Concat(), PASS_ON, "join", "first"),
        node("aside", Linear(draw(2, 8)), HALF),
        node("out", Linear(draw(3, 8)), HALF, "pair"),
    ]
    return graph_of(nodes, (4,))


@_graph
def linear_image() -> SNNCheckpoint:
    draw = Draw(209)
    return graph_of([node("out", Linear(draw(3, 12), draw(3)), HALF)], (3, 2, 2))


@_graph
def one_node() -> SNNCheckpoint:
    return graph_of([node('größe, "θ"', Conv(np.full((1, 1, 1), 0.75)))], (1, 1))


@_graph
def ordinary_graph() -> SNNCheckpoint:
    rng = np.random.default_rng(210)
    nodes = [
        node("stem", Conv(rng.normal(0, 0.4, (4, 3, 3, 3)), rng.normal(0, 0.1, 4), padding=1), HALF),
        node("block", Conv(rng.normal(0, 0.3, (4, 4, 3, 3)), rng.normal(0, 0.1, 4), padding=1)),
        node("join", Add(), HALF, "block", "stem"),
        node("pool", AvgPool(3, stride=2)),
        node("out", Linear(rng.normal(0, 0.4, (5, 16)), rng.normal(0, 0.1, 5)), HALF),
    ]
    return graph_of(nodes, (3, 5, 5))


@_graph
def ordinary_max() -> SNNCheckpoint:
    rng = np.random.default_rng(211)
    nodes = [node("pool", MaxPool(2)), node("out", Linear(rng.normal(0, 0.6, (3, 8))), HALF)]
    return graph_of(nodes, (2, 4, 4))


@_graph
def graph_labels_only() -> SNNCheckpoint:
    made = _small(np.float64)
    made.neurons = [None, None, None]
    made.neuron_types = ["LIF", "identity", "IF"]
    return made
